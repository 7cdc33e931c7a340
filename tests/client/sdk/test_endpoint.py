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
