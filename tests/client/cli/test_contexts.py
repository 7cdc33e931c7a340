"""The file of contexts: what is written is read back, is only the owner's, and no change is lost."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.client.cli.contexts import Context, Contexts, change, read
from krakencopy.client.sdk.errors import BadInput

PAPER = Context("unix:/srv/paper/run/control.sock")
PROD = Context(
    "https://box:7443", ca="/k/ca.pem", certificate="/k/me.pem", key="/k/me.key", token_file="/k/t"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "krakencopy" / "contexts.toml"


def adding(name: str, context: Context = PAPER) -> Callable[[Contexts], Contexts]:
    return lambda known: known.with_context(name, context)


TEXTS = st.text(st.characters(blacklist_categories=["Cs"]))


@given(TEXTS, TEXTS, st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True))
def test_any_text_is_read_back_by_toml(endpoint: str, token_file: str, name: str) -> None:
    written = Contexts({name: Context(endpoint, token_file=token_file)}, name).text()
    found = tomllib.loads(written)
    expected = {"endpoint": endpoint, "token_file": token_file}
    assert found["current"] == name
    assert found["contexts"][name] == {key: value for key, value in expected.items() if value}


def test_what_is_written_is_read_back_and_is_ours_alone(path: Path) -> None:
    change(path, adding("paper"))
    change(path, adding("prod.eu", PROD))
    changed = change(path, lambda known: Contexts(known.contexts, "prod.eu"))
    assert read(path) == changed == Contexts({"paper": PAPER, "prod.eu": PROD}, "prod.eu")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["contexts.toml"]


def test_without_a_file_there_are_none(path: Path) -> None:
    assert read(path) == Contexts()


def test_of_two_changes_at_a_time_none_is_lost(path: Path) -> None:
    names = [f"c{number}" for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: change(path, adding(name)), names))
    assert sorted(read(path).contexts) == sorted(names)


def test_one_that_dies_while_it_writes_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(path, adding("paper"))

    def dies(_descriptor: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", dies)
        with pytest.raises(KeyboardInterrupt):
            change(path, adding("prod", PROD))
    assert list(read(path).contexts) == ["paper"]
    change(path, adding("prod", PROD))
    assert list(read(path).contexts) == ["paper", "prod"]


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
@pytest.mark.parametrize("place", ["file", "folder"])
def test_what_others_could_have_written_is_refused(path: Path, mode: int, place: str) -> None:
    change(path, adding("paper"))
    (path if place == "file" else path.parent).chmod(mode | (0o100 if place == "folder" else 0))
    with pytest.raises(BadInput, match=r"can be written by group or others .* chmod go-w"):
        read(path)
    with pytest.raises(BadInput, match="can be written"):
        change(path, adding("prod"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_elses_is_refused(path: Path) -> None:
    change(path, adding("paper"))
    os.chown(path, 65534, 65534)
    with pytest.raises(BadInput, match="is owned by user 65534"):
        read(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("current = ", "cannot be used"),
        ("contexts = 3", "cannot be used"),
        ("[contexts.a]\nca = 'x'", "a context has an endpoint"),
        ("[contexts.a]\nendpoint = 3", "a context has an endpoint"),
        ("[contexts.a]\nendpoint = 'unix:/x'\ntoken = 'secret'", "token is nothing that a context has"),
        ("\xff", "cannot be used"),
    ],
)
def test_a_file_that_says_nothing_usable_is_refused_by_name(path: Path, text: str, expected: str) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_bytes(text.encode("latin-1"))
    path.chmod(0o600)
    with pytest.raises(BadInput, match=expected) as refused:
        read(path)
    assert str(path) in refused.value.message
    assert "secret" not in refused.value.message


def test_a_folder_that_cannot_be_made_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot be written: "):
        change(tmp_path / "file" / "contexts.toml", adding("a"))


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "x" * 65, "ä"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="is no name"):
        Contexts().with_context(name, PAPER)


def test_a_name_is_taken_once_and_forgotten_as_the_current_one_too() -> None:
    known = Contexts({"a": PAPER, "b": PROD}, "b")
    with pytest.raises(BadInput, match="there is a context a already"):
        known.with_context("a", PROD)
    assert known.without("b") == Contexts({"a": PAPER})
    assert known.without("a").current == "b"
    with pytest.raises(BadInput, match="there is no context 'c'; there are a, b"):
        known.without("c")
