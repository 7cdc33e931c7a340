"""A file of trades is looked through before anything is started: the first line that is no trade is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from krakencopy.supervisor.config.toml_table import ConfigFaults
from krakencopy.supervisor.paper.replay_check import check_replay


def trades(folder: Path, content: bytes) -> Path:
    path = folder / "XBTUSD.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "line", ["1616663618,50000.1,0.01", "1616663618.1234,.5,1.", " 1616663618,50000,0.01 ", "0,1,1"]
)
def test_a_trade_is_taken_in_any_plain_form(tmp_path: Path, line: str) -> None:
    check_replay(trades(tmp_path, f"{line}\n1616663619,50000,1\n".encode()))


@pytest.mark.parametrize(
    ("content", "where", "says"),
    [
        (b"time,price,volume\n", "line 1", '"time,price,volume" is not unix_time,price,volume'),
        (b"1,2,3\n1,0,3\n", "line 2", "is not unix_time,price,volume"),
        (b"1,2,3\n1,2,0.000\n", "line 2", "is not unix_time,price,volume"),
        (b"1,2,3\n\n1,2,3\n", "line 2", "is not unix_time,price,volume"),
        (b"1,2,-3\n", "line 1", "correct or remove the line"),
        (b"1,2,3e5\n", "line 1", "is not unix_time,price,volume"),
        (b"1,2,3,4\n", "line 1", "is not unix_time,price,volume"),
        (b"", "", "no trades in it"),
        ("1,2,3\n1,2,ü\n".encode(), "", "not a text file"),
    ],
)
def test_the_first_line_that_is_no_trade_is_named(
    tmp_path: Path, content: bytes, where: str, says: str
) -> None:
    path = trades(tmp_path, content)
    with pytest.raises(ConfigFaults) as raised:
        check_replay(path)
    (fault,) = raised.value.faults
    assert (fault.source, fault.where) == (str(path), where)
    assert says in str(fault)


def test_a_file_that_is_not_there_is_told_with_the_option_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigFaults, match=r"cannot be read: No such file or directory; .* with --replay"):
        check_replay(tmp_path / "missing.csv")
