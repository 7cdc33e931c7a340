"""Whatever stands in a file, it is a configuration, or faults of one line each with their place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.supervisor.config.reader import ConfigFaults, load
from tests.support.config_texts import MASTER, PAPER, read_or_faults, the_fault_of, toml


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('[exchange]\nmode = "live"\nmode = "paper"\n', "line 3", "mode is set a second time"),
        ('[exchange]\nmode = "live"\nmode = "paper"', "line 3", "mode is set a second time"),
        (f"{PAPER}{MASTER}\n[exchange]\n", "line 8", "exchange is set a second time"),
        (f"{PAPER}{MASTER}copy = {{ ratio = 1, ratio = 2 }}\n", "line 7", "ratio is set a second time"),
        ("[exchange]\nmode = live\n", "line 2", "not TOML"),
        ("[exchange", "line 1", "not TOML"),
        ("a = " + "[" * 100_000, "", "nested too deep"),
        ("a = " + "9" * 5000, "", "too many digits"),
        ("a = 1e99999999999999999999999", "", "too many digits"),
    ],
)
def test_what_is_not_toml_is_told_with_its_line(text: str, line: str, says: str) -> None:
    where, message = the_fault_of(text)
    assert where == line
    assert says in message


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    missing = tmp_path / "none.toml"
    for path, says in ((missing, "No such file"), (tmp_path, "directory")):
        with pytest.raises(ConfigFaults, match=says) as raised:
            load(path)
        assert str(path) in str(raised.value)
    latin = tmp_path / "latin.toml"
    latin.write_bytes(PAPER.encode() + "# für\n".encode("latin-1"))
    with pytest.raises(ConfigFaults, match="line 3: not UTF-8"):
        load(latin)


def test_a_file_of_another_editor_is_read(tmp_path: Path) -> None:
    path = tmp_path / "windows.toml"
    path.write_bytes(b"\xef\xbb\xbf" + (PAPER + MASTER).replace("\n", "\r\n").encode())
    assert load(path).source == str(path)


KEYS = (
    "mode",
    "id",
    "role",
    "broker",
    "copy",
    "ratio",
    "sizing",
    "max_user_risk",
    "credentials_file",
    "credentials_command",
    "allow_withdraw_key",
    "x",
)
#: What means something to TOML, to a terminal, or to ``splitlines``.
CHARACTERS = "[]{}=\"'\n\r#., \t\\a1-_+:\u00e4\u0660\u2028\x85\x00\x1b"
SCALARS = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.text(CHARACTERS, max_size=8),
    st.sampled_from(["live", "paper", "master", "user", "kraken", "fixed_ratio", "0.5"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["exchange", "startup", "copy", "accounts", "control", "y"]), VALUES))
def test_any_document_is_a_configuration_or_faults_of_one_line_each(document: dict[str, object]) -> None:
    text = "\n".join(f"{key} = {toml(value)}" for key, value in document.items())
    result = read_or_faults(text)
    if isinstance(result, ConfigFaults):
        lines = str(result).split("\n")
        assert len(lines) == len(result.faults)
        assert all(line.isprintable() and len(line) < 400 for line in lines)


@given(st.text(CHARACTERS))
def test_any_text_is_a_configuration_or_faults(text: str) -> None:
    result = read_or_faults(text)
    assert isinstance(result, ConfigFaults), "no text of chance has a master"
    assert all(str(fault).isprintable() for fault in result.faults)
