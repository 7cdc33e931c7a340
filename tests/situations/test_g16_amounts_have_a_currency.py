"""A fixed notional means what it says in every pair: it names its currency, or is refused where a bare
number would mean another one.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.support.system import ROOT, Paper, System, wait_for

BARE = 'copy = { sizing = "fixed_notional", notional = "50", max_user_risk = "1" }'
DOLLARS = 'copy = { sizing = "fixed_notional", notional = "50 USD", max_user_risk = "1" }'
EUROS = 'copy = { sizing = "fixed_notional", notional = "50 EUR", max_user_risk = "1" }'
UNHEARD_OF = 'copy = { sizing = "fixed_notional", notional = "50 QQQ", max_user_risk = "1" }'
#: Enough of everything to buy what a mistaken amount would have bought.
RICH = {"ZUSD": "10000", "XXBT": "100", "ZEUR": "10000"}


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        for pair, price in (("XBTUSD", "50000"), ("ETHXBT", "0.04"), ("EURUSD", "1.25"), ("XBTEUR", "40000")):
            paper.price(pair, price)
        yield paper


def system_of(paper: Paper, **users: str) -> System:
    """A master and users with these lines in the configuration, all of them rich."""
    keys = {name: paper.open_account(name, RICH) for name in ("master", *users)}
    return System(paper, dict.fromkeys(users, "0"), keys=keys, user_lines=users)


def copy_of(system: System, account: str, fills: int) -> Any:
    """The user's answer to the last of so many fills."""
    system.settled(fills)
    return system.copies(account)[-1]


def cost(copy: Any) -> Decimal:
    return Decimal(copy.filled_volume) * Decimal(copy.avg_price)


def test_an_amount_in_dollars_is_so_many_dollars_in_every_pair(paper: Paper) -> None:
    """Users copy for 50 USD, or 50 EUR, and the master trades BTC/USD, BTC/EUR and ETH/BTC. Each buys for
    that much money in each pair.
    """
    with system_of(paper, dollars=DOLLARS, euros=EUROS) as system:
        system.start().wait_ready()
        in_dollars = {"BTC/USD": "0.01", "BTC/EUR": "0.01", "ETH/BTC": "1"}
        worth = {"BTC/USD": Decimal(1), "BTC/EUR": Decimal("1.25"), "ETH/BTC": Decimal(50_000)}
        for number, (pair, volume) in enumerate(in_dollars.items(), start=1):
            system.buy(pair, volume)
            spent = cost(copy_of(system, "dollars", number)) * worth[pair]
            assert abs(spent - 50) < Decimal("0.1"), pair
            spent = cost(copy_of(system, "euros", number)) * worth[pair]
            assert abs(spent - Decimal("62.5")) < Decimal("0.1"), pair


def test_an_amount_may_name_its_currency_as_any_of_krakens_tables_does(paper: Paper) -> None:
    """Users copy for 0.001 XBT and for 50 ZUSD, as Kraken writes them elsewhere: it is 0.001 BTC and 50
    dollars.
    """
    coins, dollars = (DOLLARS.replace("50 USD", amount) for amount in ("0.001 XBT", "50 ZUSD"))
    with system_of(paper, coins=coins, dollars=dollars) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.01")
        for user in ("coins", "dollars"):
            assert abs(cost(copy_of(system, user, 1)) - 50) < Decimal("0.1"), user


def test_a_bare_number_is_money_where_the_quote_is_and_nothing_elsewhere(paper: Paper) -> None:
    """An amount without a currency buys for 50 USD in BTC/USD. In ETH/BTC it would be 50 BTC: the entry is
    skipped, with the reason, and the next start is refused until the currency is named.
    """
    system = system_of(paper, ann=BARE)
    with system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.01")
        assert abs(cost(copy_of(system, "ann", 1)) - 50) < Decimal("0.1")
        system.buy("ETH/BTC", "1")
        skipped = copy_of(system, "ann", 2)
        assert (skipped.reason, skipped.filled_volume) == ("NOTIONAL_NEEDS_CURRENCY", "0")
        assert 'write notional = "50 USD"' in skipped.detail
        system.stop()
        refused = started(system)
        assert refused.returncode == 78
        assert '"50" names no currency, and the master trades ETH/BTC' in refused.stderr
        system.user_lines["ann"] = DOLLARS
        system.start().wait_ready()
        system.sell("ETH/BTC", "1")
        system.buy("ETH/BTC", "1")
        bought = copy_of(system, "ann", 4)
        assert abs(cost(bought) * 50_000 - 50) < Decimal("0.1")


def test_an_amount_without_a_currency_is_warned_of_before_anything_starts(paper: Paper) -> None:
    """`krakencopyd check` says of a bare number what it will be taken for, and how to write it."""
    with system_of(paper, ann=BARE) as system:
        checked = subprocess.run(
            [
                sys.executable,
                "-m",
                "krakencopy.supervisor.daemon",
                "check",
                "--config",
                str(system.write_config()),
            ],
            env=system.environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert checked.returncode == 0
        assert 'notional = "50" names no currency' in checked.stderr


def test_an_amount_of_something_that_the_exchange_does_not_have_buys_nothing_and_exits_go_on(
    paper: Paper,
) -> None:
    """A user copies for 50 of an asset that does not exist. Its account says so and its entries are skipped,
    what it holds is sold with the master; the others go on.
    """
    with system_of(paper, ann=DOLLARS, bob=DOLLARS) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        pid = system.pids()["ann"]
        system.user_lines["ann"] = UNHEARD_OF
        system.write_config()
        system.command("reload")
        wait_for("another process", lambda: system.pids().get("ann") not in {pid, 0, None})
        system.wait_ready()
        # It is told with the first snapshot after the start's, a moment later.
        wait_for("its words", lambda: "the exchange has no QQQ" in system.command("accounts", "ann"))
        system.buy("BTC/USD", "0.001")
        system.settled(2)
        assert copy_of(system, "ann", 2).reason == "NO_MARK"
        assert copy_of(system, "bob", 2).filled_volume
        system.sell("BTC/USD", "0.002")
        system.settled(3)
        assert copy_of(system, "ann", 3).reason == "EXIT_FULL"


def started(system: System) -> subprocess.CompletedProcess[str]:
    """A start that ends by itself."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "krakencopy.supervisor.daemon",
            "--config",
            str(system.write_config()),
            "--state-dir",
            str(system.state_dir),
            "--quiet",
        ],
        env=system.environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
