"""A configuration that does not fit its folder or its master's pairs is refused in a line that says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from krakencopy.supervisor.config.checks import check_notionals, check_state_dir
from krakencopy.supervisor.config.reader import ConfigFaults, parse
from tests.support.config_texts import MASTER, PAPER, USER


def test_a_state_folder_whose_sockets_would_not_fit_is_a_fault() -> None:
    config = parse(PAPER + MASTER + USER, "krakencopy.toml")
    room = 107 - len("/run/tania_gilbert.sock")
    check_state_dir(config, Path("/" + "d" * (room - 1)))
    with pytest.raises(ConfigFaults, match=r"accounts\[1\]\.id: .* 1 bytes too long"):
        check_state_dir(config, Path("/" + "d" * room))
    with pytest.raises(ConfigFaults, match="choose a shorter --state-dir"):
        check_state_dir(config, Path("/" + "d" * 100))
    with pytest.raises(ConfigFaults):
        check_state_dir(config, Path("/" + "ä" * (room // 2 + 1)))


BARE = 'copy = { sizing = "fixed_notional", notional = "50" }\n'
DOLLARS = 'copy = { sizing = "fixed_notional", notional = "50 USD" }\n'


@pytest.mark.parametrize(
    ("line", "traded", "is_refused"),
    [
        (BARE, ["BTC/USD", "BTC/USDT", "BTC/EUR"], False),
        (BARE, [], False),
        (BARE, ["BTC/USD", "ETH/BTC"], True),
        (DOLLARS, ["ETH/BTC"], False),
        ("", ["ETH/BTC"], False),
    ],
)
def test_an_amount_without_a_currency_is_refused_where_the_master_trades_for_something_else(
    line: str, traded: list[str], is_refused: bool
) -> None:
    config = parse(PAPER + MASTER + USER + line, "c")
    assert bool(config.warnings) == (line == BARE)
    if not is_refused:
        check_notionals(config, traded)
        return
    with pytest.raises(
        ConfigFaults, match='"50" names no currency, and the master trades ETH/BTC; write an amount'
    ):
        check_notionals(config, traded)
