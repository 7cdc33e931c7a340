"""The operator's own certificates are read as key files are, and used as they were when they were checked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from krakencopy.supervisor.config.model import ControlConfig
from krakencopy.supervisor.config.toml_table import ConfigFaults
from krakencopy.supervisor.control.tls_files import check_tls, read_tls_files
from tests.support.certificates import Authority

LISTEN = "127.0.0.1:7443"


def config_in(folder: Path) -> ControlConfig:
    """With files in a folder, as names relative to it."""
    ca = Authority(folder)
    pair = ca.issue("box", "127.0.0.1")
    for path in (ca.ca, pair.certificate):
        path.chmod(0o644)
    return ControlConfig(
        listen=LISTEN, certificate=pair.certificate.name, key=pair.key.name, client_ca=ca.ca.name
    )


def fault_of(control: ControlConfig, folder: Path) -> str:
    with pytest.raises(ConfigFaults) as raised:
        read_tls_files(control, folder)
    return str(raised.value)


def test_files_are_read_relative_to_the_configuration(tmp_path: Path) -> None:
    control = config_in(tmp_path)
    found = read_tls_files(control, tmp_path)
    assert control.key is not None
    assert found.key == (tmp_path / control.key).read_text()


def test_a_key_that_others_can_read_a_link_and_what_is_no_file_are_refused(tmp_path: Path) -> None:
    control = config_in(tmp_path)
    assert control.key is not None
    key = tmp_path / control.key
    key.chmod(0o640)
    assert "group or others have access (mode 0640); run: chmod 600" in fault_of(control, tmp_path)
    key.chmod(0o600)
    (tmp_path / "ca.pem").chmod(0o666)
    assert "group or others can write it (mode 0666); run: chmod go-w" in fault_of(control, tmp_path)
    (tmp_path / "ca.pem").chmod(0o644)
    moved = key.rename(tmp_path / "moved")
    key.symlink_to(moved)
    assert "is a symbolic link; name the file itself in key" in fault_of(control, tmp_path)
    key.unlink()
    assert "cannot be read: No such file" in fault_of(control, tmp_path)
    os.mkfifo(key)
    assert "not a regular file" in fault_of(control, tmp_path)


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    control = config_in(tmp_path)
    assert control.key is not None
    other = Authority(tmp_path / "other").issue("other")
    (tmp_path / control.key).write_bytes(other.key.read_bytes())
    assert "cannot be used together" in fault_of(control, tmp_path)
    (tmp_path / "ca.pem").write_bytes(b"\xff")
    assert "not in PEM" in fault_of(control, tmp_path)


def test_a_port_is_looked_at_before_anything_listens(tmp_path: Path) -> None:
    check_tls(ControlConfig(), tmp_path)
    check_tls(ControlConfig(listen=LISTEN), tmp_path)
    control = config_in(tmp_path)
    check_tls(control, tmp_path)
    (tmp_path / "ca.pem").unlink()
    with pytest.raises(ConfigFaults, match=r"control\.client_ca: cannot be read"):
        check_tls(control, tmp_path)
