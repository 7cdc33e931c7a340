"""Whether a socket is alive, and whose it is."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest

from krakencopy.supervisor.control.listener import listener_at, listener_of, port_listener_at


def test_a_living_socket_names_its_process_and_a_dead_one_nobody() -> None:
    with tempfile.TemporaryDirectory(prefix="kc") as folder:
        path = Path(folder, "control.sock")
        assert listener_of(path) is None
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
            assert listener_of(path) is None
            server.listen()
            assert listener_of(path) == os.getpid()
        assert path.exists()
        assert listener_of(path) is None


def test_a_new_one_takes_the_place_of_one_that_is_dead() -> None:
    with tempfile.TemporaryDirectory(prefix="kc") as folder:
        path = Path(folder, "control.sock")
        listener_at(path).close()
        with listener_at(path):
            assert listener_of(path) == os.getpid()


def test_a_port_is_listened_on_once_and_again_after_its_end() -> None:
    for address in ("127.0.0.1", "::1"):
        with port_listener_at(address, 0) as listener:
            port = listener.getsockname()[1]
            with socket.create_connection((address, port)):
                pass
            with pytest.raises(OSError, match="Address already in use"):
                port_listener_at(address, port)
        port_listener_at(address, port).close()
    with pytest.raises(OSError, match="assign requested address"):
        port_listener_at("192.0.2.1", 0)
