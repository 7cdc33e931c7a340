"""The table [control] of a configuration: where the control API is served by TLS, and who may call there."""

from __future__ import annotations

import re
from ipaddress import ip_address

from krakencopy.supervisor.config.model import CallerRole, ControlConfig, PrincipalConfig
from krakencopy.supervisor.config.toml_table import Table, show

PRINCIPAL_KEYS = frozenset({"name", "role", "account"})
#: The operator's own certificates, all or none.
OWN_FILES = ("certificate", "key", "client_ca")
#: Beyond them, one certificate for a domain of theirs is meant.
NAMES_MAX, PRINCIPALS_MAX = 50, 1_000
#: Of a principal: what the record of what was done shows, and a header takes.
PRINCIPAL_NAME_MAX = 64
_LISTEN_RULE = 'write an address of this machine and a port, e.g. listen = "0.0.0.0:7443" or "[::]:7443"'
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})", re.ASCII)
_HOST = re.compile(r"(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?", re.ASCII)


def control_of(table: Table) -> tuple[ControlConfig, tuple[PrincipalConfig, ...]]:
    """Where it is served, and whose client certificates of the operator's own CA are known."""
    listen = _listen(table)
    names = table.texts(
        "names", 'write names and addresses by which clients dial: names = ["box.example.org"]'
    )
    for name in names or ():
        if not _is_host(name):
            rule = "write a name as in DNS, or an address, without a port"
            table.fault("names", f"{show(name)} is no name of a machine", rule)
    if len(names or ()) > NAMES_MAX:
        table.fault("names", f"{len(names or ())} names are more than {NAMES_MAX}", "take some out")
    files = {name: table.text(name, f'write {name} = "FILE", in PEM') for name in OWN_FILES}
    given = [name for name in OWN_FILES if table.has(name)]
    for name in OWN_FILES:
        if given and name not in given:
            table.fault(
                name, f"missing beside {given[0]}", "give all of certificate, key and client_ca, or none"
            )
    if given and table.has("names"):
        table.fault("names", "does nothing with a certificate of your own", "take it out")
    principals = _principals(table)
    if principals and not given:
        words = "does nothing without client_ca: whom krakencopy's own CA is for is said when it issues one"
        rule = "give your CA, or use `krakencopy certificate create NAME --role viewer --out DIR`"
        table.fault("principals", words, rule)
    if not table.has("listen") and table.keys - {"credential_sources"}:
        table.fault("listen", "missing: nothing is served by TLS", _LISTEN_RULE)
    return ControlConfig(listen=listen, names=names or (), **files), principals


def _listen(table: Table) -> str | None:
    written = table.text("listen", _LISTEN_RULE)
    if written is None:
        return None
    if "://" in written or written.startswith(("unix:", "/", ".")):
        problem = f"{show(written)}: a port is served by TLS alone; the Unix socket is there always"
        table.fault("listen", problem, _LISTEN_RULE)
        return None
    found = _ADDRESS.fullmatch(written)
    try:
        address = ip_address(found[1] or found[2]) if found else None
    except ValueError:
        address = None
    if found is None or address is None or not 0 < int(found[3]) < 2**16:
        table.fault("listen", f"{show(written)} is no address with a port", _LISTEN_RULE)
        return None
    return written


def split_listen(listen: str) -> tuple[str, int]:
    """The address, without brackets, and the port of a checked ``listen``."""
    address, _, port = listen.rpartition(":")
    return address.strip("[]"), int(port)


def _is_host(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return _HOST.fullmatch(name) is not None and ".." not in name
    return True


def _principals(table: Table) -> tuple[PrincipalConfig, ...]:
    rule = 'write [[control.principals]] with name = "..." and role = "viewer"'
    found: dict[str, PrincipalConfig] = {}
    for index, raw in table.tables("principals", rule) or ():
        item = table.item("principals", index, raw, PRINCIPAL_KEYS)
        for needed in ("name", "role"):
            if not item.has(needed):
                item.fault(needed, "missing", rule)
        name, role = item.text("name", rule), item.choice("role", CallerRole)
        account = item.text("account", 'write the id of its account: account = "anna"')
        if name is not None and (len(name) > PRINCIPAL_NAME_MAX or not name.isprintable()):
            words = f"write at most {PRINCIPAL_NAME_MAX} characters that can be shown"
            item.fault("name", f"{show(name)} cannot be a name", words)
        elif name is not None and name in found:
            item.fault("name", f"{show(name)} is there twice", "take one out")
        if (role is CallerRole.OWNER) != item.has("account") and role is not None:
            problem = "missing: an owner has one" if role is CallerRole.OWNER else "only an owner has one"
            item.fault("account", problem, 'write role = "owner" and account = "ID", or neither')
        if name is not None and role is not None:
            found[name] = PrincipalConfig(name=name, role=role, account=account or "")
    if len(found) > PRINCIPALS_MAX:
        table.fault("principals", f"{len(found)} are more than {PRINCIPALS_MAX}", "take some out")
    return tuple(found.values())
