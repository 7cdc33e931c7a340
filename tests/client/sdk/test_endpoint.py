from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.client.sdk.endpoint import choose_endpoint, parse_endpoint
from krakencopy.client.sdk.errors import BadInput


@pytest.mark.parametrize(
    ("text", "target", "path"),
    [
        ("unix:/run/control.sock", "unix:/run/control.sock", Path("/run/control.sock")),
        ("unix:///run/control.sock", "unix:/run/control.sock", Path("/run/control.sock")),
        ("unix:data/control.sock", "unix:data/control.sock", Path("data/control.sock")),
    ],
)
def test_an_endpoint_is_a_unix_socket(text: str, target: str, path: Path) -> None:
    endpoint = parse_endpoint(text)
    assert (endpoint.target, endpoint.socket_path) == (target, path)


@pytest.mark.parametrize(
    ("text", "target", "shown"),
    [
        ("https://box:7443", "dns:box:7443", "https://box:7443"),
        ("https://box.example.org:443/", "dns:box.example.org:443", "https://box.example.org:443"),
        ("dns:10.0.0.7:7443", "dns:10.0.0.7:7443", "https://10.0.0.7:7443"),
        ("dns:///box:7443", "dns:box:7443", "https://box:7443"),
        ("https://[::1]:7443", "dns:[::1]:7443", "https://[::1]:7443"),
    ],
)
def test_or_a_host_and_a_port_which_is_tls(text: str, target: str, shown: str) -> None:
    endpoint = parse_endpoint(text)
    assert (endpoint.target, endpoint.socket_path, endpoint.is_remote) == (target, None, True)
    assert str(endpoint) == shown


@pytest.mark.parametrize(
    "text",
    ["https://", "https://box", "https://box:0", "https://box:65536", "https://box:7443/x", "https://u@box:1",
     "https://[box]:7443", "dns:", "https://::1:7443", "https://bo x:7443", "https://box:٣"],
)  # fmt: skip
def test_a_host_without_a_port_is_bad_input_that_says_how_to_write_it(text: str) -> None:
    with pytest.raises(BadInput, match=r"https://|no address of IPv6"):
        parse_endpoint(text)


def test_plain_text_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="plain text, which is not served"):
        parse_endpoint("http://box:7443")


@pytest.mark.parametrize(
    "text", ["", "unix:", "/run/control.sock", "localhost", "localhost:50051", "[::1]:50051", "http://h:1"]
)
def test_anything_else_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput):
        parse_endpoint(text)


def test_a_socket_path_longer_than_linux_allows_is_bad_input_and_not_a_failed_dial() -> None:
    assert str(parse_endpoint("unix:/" + "x" * 106).socket_path) == "/" + "x" * 106
    with pytest.raises(BadInput, match="107 bytes"):
        parse_endpoint("unix:/" + "x" * 107)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_any_the_one_supervisor_that_listens_in_a_default_folder_is_meant_and_never_one_of_two(
    here: Path,
) -> None:
    for folder in ("data", "data-paper"):
        (here / folder / "run").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as live, socket.socket(socket.AF_UNIX) as paper:
        # A supervisor that was killed leaves its socket behind.
        live.bind("data/run/control.sock")
        paper.bind("data-paper/run/control.sock")
        assert str(choose_endpoint(None, None, None)) == "unix:data/run/control.sock"
        paper.listen()
        assert str(choose_endpoint(None, None, None)) == "unix:data-paper/run/control.sock"
        live.listen()
        with pytest.raises(BadInput, match="--state-dir data or --state-dir data-paper"):
            choose_endpoint(None, None, None)
        assert str(choose_endpoint(None, None, "data-paper")) == "unix:data-paper/run/control.sock"


def test_the_option_beats_the_environment_which_beats_the_state_folder(here: Path) -> None:
    assert not list(here.iterdir())
    assert str(choose_endpoint("unix:a", "unix:b", "dir")) == "unix:a"
    assert str(choose_endpoint(None, "unix:b", "dir")) == "unix:b"
    assert str(choose_endpoint(None, None, "dir")) == "unix:dir/run/control.sock"
    assert str(choose_endpoint(None, None, None)) == "unix:data/run/control.sock"


@given(st.text(max_size=130))
def test_any_text_is_an_endpoint_or_bad_input(text: str) -> None:
    try:
        endpoint = parse_endpoint(text)
    except BadInput:
        return
    assert endpoint.target
