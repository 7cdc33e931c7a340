"""The operator's own certificates, read as key files are: by whom they can be changed, and who can read a
key. What was checked is what is used: contents leave here, no paths.
"""

from __future__ import annotations

import os
import shlex
import ssl
import stat
from pathlib import Path

from krakencopy.supervisor.config.model import ControlConfig
from krakencopy.supervisor.config.toml_table import ConfigFault, ConfigFaults
from krakencopy.supervisor.control.access_table import Tls
from krakencopy.supervisor.control.own_ca import require_cryptography
from krakencopy.supervisor.control.tls_context import server_context

#: A chain of a dozen certificates, or a bundle of some hundred CAs.
FILE_BYTES_MAX = 1 << 20
_GROUP_AND_OTHERS, _WRITABLE_BY_OTHERS = 0o077, 0o022


def check_tls(control: ControlConfig, base_dir: Path) -> None:
    """That a port can be served, as far as that is known without listening. Raises ConfigFaults."""
    if control.has_own_ca:
        require_cryptography()
    elif control.listen is not None:
        read_tls_files(control, base_dir)


def read_tls_files(control: ControlConfig, base_dir: Path) -> Tls:
    """Certificate, key and client CA as they are there now, relative to the configuration's folder. Raises
    ConfigFaults.
    """
    assert control.certificate is not None
    assert control.key is not None
    assert control.client_ca is not None
    read: dict[str, str] = {}
    faults: list[ConfigFault] = []
    for key, name in (
        ("certificate", control.certificate), ("key", control.key), ("client_ca", control.client_ca),
    ):  # fmt: skip
        try:
            read[key] = _read(base_dir / name, key)
        except ConfigFaults as found:
            faults += found.faults
    if faults:
        raise ConfigFaults(faults)
    tls = Tls(read["certificate"], read["key"], read["client_ca"])
    try:
        server_context(tls)
    except (ssl.SSLError, ValueError) as error:
        words = f"certificate, key and client_ca cannot be used together ({error})"
        remedy = "see that each is in PEM, and that the key is the certificate's"
        raise ConfigFaults([ConfigFault("control", "", words, remedy)]) from None
    return tls


def _read(path: Path, key: str) -> str:
    def fault(problem: str, remedy: str) -> ConfigFaults:
        return ConfigFaults([ConfigFault(str(path), f"control.{key}", problem, remedy)])

    try:
        # O_NONBLOCK: opening a named pipe must not wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if path.is_symlink():
            raise fault("is a symbolic link", f"name the file itself in {key}") from None
        raise fault(f"cannot be read: {error.strerror}", f"correct {key} or the file") from None
    except ValueError:  # a NUL in the path
        raise fault("cannot be a path", f"correct {key}") from None
    with os.fdopen(descriptor, "rb") as file:
        status, quoted = os.fstat(descriptor), shlex.quote(str(path))
        mode = f"{stat.S_IMODE(status.st_mode):04o}"
        if not stat.S_ISREG(status.st_mode):
            raise fault("not a regular file", f"correct {key}")
        if status.st_uid not in {0, os.geteuid()}:
            raise fault(f"belongs to another user (uid {status.st_uid})", "make a file of your own")
        if key == "key" and status.st_mode & _GROUP_AND_OTHERS:
            raise fault(f"group or others have access (mode {mode})", f"run: chmod 600 {quoted}")
        if status.st_mode & _WRITABLE_BY_OTHERS:
            raise fault(f"group or others can write it (mode {mode})", f"run: chmod go-w {quoted}")
        content = file.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        raise fault(f"larger than {FILE_BYTES_MAX} bytes", f"correct {key}")
    try:
        return content.decode("ascii")
    except UnicodeDecodeError:
        raise fault("not in PEM", "convert it, e.g. with openssl x509 -inform der") from None
