"""API keys from the environment or from files that only their owner can read.

No message, name or repr here shows a key or a secret, or text of a file that was meant to hold them. It must not know
what is done with the keys afterwards.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import shlex
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from account_proc.spec import Credentials
from supervisor.config import AccountConfig, Config, ConfigFaults, Fault
from supervisor.toml_table import show

#: Two short lines; whatever is larger is another file.
FILE_BYTES_MAX = 4096
_GROUP_AND_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_NO_SPACES = re.compile(r"[!-~]{1,256}", re.ASCII)
_FILE_RULE = 'write two lines: key = "..." and secret = "..."'
_SECRET_OF_ENVIRONMENT = re.compile(r"KRAKEN_.*_API_(KEY|SECRET)", re.ASCII | re.DOTALL)


def load_all_credentials(
    config: Config, environ: Mapping[str, str], base_dir: Path
) -> dict[str, Credentials]:
    """Every account's credentials by id. Raises ConfigFaults with all that is wrong with any of them."""
    loaded: dict[str, Credentials] = {}
    faults: list[Fault] = []
    for account in config.accounts:
        try:
            loaded[account.id] = load_credentials(account, environ, base_dir)
        except ConfigFaults as found:
            faults += found.faults
    try:
        check_credentials(config, loaded)
    except ConfigFaults as found:
        faults += found.faults
    if faults:
        raise ConfigFaults(faults)
    return loaded


def load_credentials(account: AccountConfig, environ: Mapping[str, str], base_dir: Path) -> Credentials:
    """One account's key and secret.

    From ``credentials_file``, relative to ``base_dir``, if the account has one, and from its environment variables
    otherwise. Raises ConfigFaults.
    """
    if account.credentials_file is not None:
        path = base_dir / account.credentials_file
        return _checked(str(path), account.id, _read_file(path, account.id), ("key", "secret"))
    names = account.credential_variables
    missing = [name for name in names if not environ.get(name, "").strip()]
    if missing:
        problem = f"no API {' and no '.join('key' if name == names[0] else 'secret' for name in missing)}"
        remedy = f"set {' and '.join(missing)}, or name a credentials_file"
        raise ConfigFaults([Fault("environment", "", problem, remedy, account.id)])
    return _checked("environment", account.id, {name: environ[name] for name in names}, names)


def check_credentials(config: Config, loaded: Mapping[str, Credentials]) -> None:
    """Two accounts with one key would break each other's nonces. Raises ConfigFaults that name them, not the key."""
    first: dict[str, str] = {}
    faults: list[Fault] = []
    for account in config.accounts:
        if account.id not in loaded:
            continue
        other = first.setdefault(loaded[account.id].key, account.id)
        if other != account.id:
            problem = f"{show(other)} and {show(account.id)} have the same API key"
            faults.append(Fault(config.source, "", problem, "make a key of its own for each account"))
    if faults:
        raise ConfigFaults(faults)


def without_credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment for processes that are told their one key by other means."""
    return {name: value for name, value in environ.items() if not _SECRET_OF_ENVIRONMENT.fullmatch(name)}


def _read_file(path: Path, account_id: str) -> Mapping[str, Any]:
    def fault(problem: str, remedy: str) -> ConfigFaults:
        return ConfigFaults([Fault(str(path), "", problem, remedy, account_id)])

    try:
        # O_NONBLOCK: opening a named pipe must not wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise fault(f"cannot be read: {error.strerror}", "correct credentials_file or the file") from None
    except ValueError:  # a NUL in the path
        raise fault("cannot be a path", "correct credentials_file") from None
    with os.fdopen(descriptor, "rb") as file:
        # Asked of the open file, so that it is the file that is read.
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise fault("not a regular file", "correct credentials_file")
        if mode & _GROUP_AND_OTHERS:
            problem = f"group or others have access (mode {stat.S_IMODE(mode):04o})"
            raise fault(problem, f"run: chmod 600 {shlex.quote(str(path))}")
        content = file.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        raise fault(f"larger than {FILE_BYTES_MAX} bytes", _FILE_RULE)
    try:
        values = tomllib.loads(content.decode("utf-8"))
    # An error of the parser could quote the secret: it is neither shown nor chained.
    except (ValueError, RecursionError):
        raise fault("not TOML", _FILE_RULE) from None
    if values.keys() != {"key", "secret"}:
        raise fault("needs key and secret, and nothing else", _FILE_RULE)
    return values


def _checked(source: str, account_id: str, values: Mapping[str, Any], names: tuple[str, str]) -> Credentials:
    """The credentials, if they can be any; ``names`` are those of key and secret in ``values``."""
    key, secret = (value.strip() if isinstance(value := values[name], str) else "" for name in names)
    faults: list[Fault] = []
    if not _NO_SPACES.fullmatch(key):
        problem = "not an API key: empty, too long, or with spaces or other letters than ASCII"
        faults.append(Fault(source, names[0], problem, "copy it again from the exchange", account_id))
    if not _is_base64(secret):
        # Kraken: the private key is base64, and signing starts with decoding it.
        problem = "not base64, so not an API secret"
        faults.append(Fault(source, names[1], problem, "copy it again from the exchange", account_id))
    if faults:
        raise ConfigFaults(faults)
    return Credentials(key=key, secret=secret)


def _is_base64(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) > 0
    # ValueError: letters other than ASCII.
    except (binascii.Error, ValueError):
        return False
