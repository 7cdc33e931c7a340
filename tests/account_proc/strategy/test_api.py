"""Strategies are found by entry point, refuse options that cannot be meant, and want what they say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.errors import ConfigurationFault
from krakencopy.account_proc.contract.strategies import installed
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.strategy.api import OrderIntent, StopReason, Strategy, Tick, make_strategy
from krakencopy.account_proc.strategy.shipped.paper_demo import PaperDemo
from krakencopy.account_proc.strategy.shipped.scripted import Scripted
from krakencopy.account_proc.strategy.shipped.sma_cross import SmaCross
from tests.support.system import ROOT

MODULE = """
import no_such_library
"""
OTHER = """
def quick(options):
    raise ValueError("speed must be a number")
def broken(options):
    return options["pair"]
"""


@dataclass
class Held:
    """An account that holds what a test says."""

    volumes: dict[str, Decimal] = field(default_factory=dict)

    def equity(self, pair: str) -> Decimal | None:
        return Decimal(1000) if pair else None

    def position(self, pair: str) -> Decimal:
        return self.volumes.get(pair, Decimal(0))


def tick(price: Decimal | int, at: float = 0.0) -> Tick:
    return Tick(pair="BTC/USD", bid=Decimal(price), ask=Decimal(price), last=Decimal(price), at=at)


def wanted(strategy: Strategy, prices: Iterable[int]) -> list[OrderIntent]:
    return [intent for price in prices for intent in strategy.on_market(tick(price))]


# -- found by entry point ----------------------------------------------------------------------------------


def test_the_shipped_strategies_are_installed_and_start_without_options_that_they_do_not_need() -> None:
    assert {"sma_cross", "scripted", "paper_demo"} <= installed().keys()
    assert make_strategy("sma_cross", {}).pairs == ("BTC/USD",)


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody's package with three strategies, none of which can be used."""
    (tmp_path / "their_slow.py").write_text(MODULE)
    (tmp_path / "their_quick.py").write_text(OTHER)
    found = tmp_path / "theirs-1.0.dist-info"
    found.mkdir()
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (found / "entry_points.txt").write_text(
        "[krakencopy.strategies]\nslow = their_slow:Slow\nquick = their_quick:quick\nbroken = "
        "their_quick:broken\n"
        "missing = their_quick:Missing\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("foreign")
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("slow", "cannot be imported: ModuleNotFoundError: No module named 'no_such_library'"),
        ("missing", "cannot be imported: AttributeError"),
        ("quick", "strategy_options: speed must be a number"),
        ("broken", "strategy_options: KeyError: 'pair'"),
        ("nobody", "is not installed; known: broken, missing"),
    ],
)
def test_somebodys_strategy_that_cannot_be_made_says_what_to_mend(name: str, says: str) -> None:
    with pytest.raises(ConfigurationFault) as fault:
        make_strategy(name, {})
    assert says in str(fault.value)
    assert name in str(fault.value)


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("sma_cross", {"fast": 20, "slow": 20}, "fast must be smaller than slow"),
        ("sma_cross", {"fast": 0}, "fast must be a whole number from 1"),
        ("sma_cross", {"fast": True}, "fast must be a whole number"),
        ("sma_cross", {"share": "2"}, "share must be a number over 0 and up to 1"),
        ("sma_cross", {"share": "much"}, "share must be a number"),
        ("sma_cross", {"pair": 3}, "pair must be a string"),
        ("sma_cross", {"quick": 3}, "quick is not known here; known: fast, interval_s, pair, share, slow"),
        ("scripted", {}, "script is empty"),
        ("scripted", {"script": "buy"}, "script must be an array of strings"),
        ("scripted", {"script": ["buy BTC/USD"]}, "'buy BTC/USD' is no order"),
        ("scripted", {"script": ["hold BTC/USD 1"]}, "is no order"),
        ("scripted", {"script": ["sell BTC/USD 101%"]}, "is no order"),
        ("scripted", {"script": ["sell BTC/USD -1"]}, "is no order"),
        ("scripted", {"script": ["sell BTC/USD much"]}, "is no order"),
        ("paper_demo", {"seed": ""}, "seed must be a string"),
    ],
)
def test_options_that_cannot_be_meant_are_refused_by_name(
    name: str, options: Mapping[str, Any], says: str
) -> None:
    with pytest.raises(ConfigurationFault, match=r"strategy_options: ") as fault:
        make_strategy(name, options)
    assert says in str(fault.value)


def test_the_example_in_the_documentation_is_found_and_trades(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = (ROOT / "docs" / "strategies.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    (named,) = re.findall(
        r'^```toml\n\[project\.entry-points\."(.*?)"\]\n(.*?)^```$', guide, re.MULTILINE | re.DOTALL
    )
    (tmp_path / "your_package.py").write_text(code)
    found = tmp_path / "yours-1.0.dist-info"
    found.mkdir()
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: yours\nVersion: 1.0\n")
    (found / "entry_points.txt").write_text(f"[{named[0]}]\n{named[1].replace(chr(34), '')}")
    monkeypatch.syspath_prepend(str(tmp_path))
    strategy, account = make_strategy("buy_the_dip", {}), Held()
    strategy.on_start(account)
    assert [intent.side for intent in wanted(strategy, [100, 99, 98])] == [Side.BUY]
    account.volumes["BTC/USD"] = Decimal(1)
    assert [intent.side for intent in wanted(strategy, [97, 101])] == [Side.SELL]


# -- what the shipped ones want ----------------------------------------------------------------------------


def test_the_cross_enters_when_the_fast_average_rises_above_the_slow_one_and_leaves_when_it_falls_below() -> (
    None
):
    account = Held()
    cross = SmaCross({"fast": 2, "slow": 4, "share": "0.05"})
    assert list(cross.on_start(account)) == []
    assert wanted(cross, [100, 99, 98, 97, 96]) == []
    (entry,) = wanted(cross, [104])
    assert (entry.side, entry.share) == (Side.BUY, Decimal("0.05"))
    account.volumes["BTC/USD"] = Decimal("0.1")
    assert wanted(cross, [105, 106]) == []
    (leave,) = wanted(cross, [90])
    assert (leave.side, leave.share) == (Side.SELL, Decimal(1))


@given(st.lists(st.integers(1, 1000), max_size=60))
def test_the_cross_never_enters_twice_nor_without_a_cross_seen_since_its_start(prices: list[int]) -> None:
    account = Held()
    cross = SmaCross({"fast": 2, "slow": 5})
    cross.on_start(account)
    for number, price in enumerate(prices):
        for intent in cross.on_market(tick(price)):
            assert number >= 5, "an entry needs averages on two ticks"
            assert (intent.side is Side.BUY) == (account.position("BTC/USD") == 0)
            account.volumes["BTC/USD"] = Decimal(intent.side is Side.BUY)


def test_averages_from_before_a_pause_are_forgotten() -> None:
    cross = SmaCross({"fast": 1, "slow": 3})
    cross.on_start(Held())
    wanted(cross, [100, 90, 80, 70])
    cross.on_start(Held())
    assert wanted(cross, [200, 300]) == []


def test_a_script_is_followed_line_by_line_as_often_as_it_says_and_goes_on_where_it_was() -> None:
    script = Scripted(
        {"script": ["buy BTC/USD 0.5", "sell BTC/USD 25%"], "repeat": 1, "on_stop": ["sell BTC/USD 100%"]}
    )
    script.on_start(Held())
    first = wanted(script, [1])
    script.on_start(Held())
    rest = wanted(script, [1] * 10)
    assert [(intent.side, intent.volume, intent.share) for intent in first + rest] == [
        (Side.BUY, Decimal("0.5"), None),
        (Side.SELL, None, Decimal("0.25")),
    ] * 2
    (last,) = script.on_stop(StopReason.SHUTDOWN)
    assert last.share == 1


def test_the_demo_makes_round_trips_with_pauses_between_them() -> None:
    demo = PaperDemo({"seed": "7"})
    demo.on_start(Held())
    intents = [intent for at in range(100) for intent in demo.on_market(tick(1, at=at * 0.2))]
    assert len(intents) < 40
    sides = [intent.side for intent in intents]
    assert sides[:8] == [Side.BUY, Side.BUY, Side.SELL, Side.SELL] * 2
    assert all(intent.pair == intents[0].pair for intent in intents[:4])
