"""Strategies are found by entry point, refuse options that cannot be meant, and want what they say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.contract.errors import ConfigurationFault
from krakencopy.account_proc.contract.strategies import installed
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.strategy.api import make_strategy
from tests.support.strategies import Held, wanted
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
