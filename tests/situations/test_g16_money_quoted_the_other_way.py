"""Money that Kraken quotes the other way round (USD/CAD) is worth what it is, for amounts and for
equity.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.support.system import Paper, System

D = Decimal
IN_CAD = 'copy = { sizing = "fixed_notional", notional = "70 CAD" }'


def cost(copy: Any) -> Decimal:
    return D(copy.filled_volume) * D(copy.avg_price)


def test_canadian_dollars_count_though_there_is_no_pair_that_they_are_the_base_of() -> None:
    """The master holds dollars and some Canadian ones, and buys ETH/CAD, then BTC/USD. Users are sized by all
    that either owns, and one that copies for 70 CAD buys for 50 USD.
    """
    with Paper() as paper:
        paper.call("POST", "/pairs", base="USD", quote="CAD", price="1.4")
        paper.call("POST", "/pairs", base="ETH", quote="CAD", price="3500")
        for pair, price in (("USDCAD", "1.4"), ("ETHCAD", "3500"), ("XBTUSD", "50000"), ("ETHUSD", "2500")):
            paper.price(pair, price)
        own = {
            "master": {"ZUSD": "100000", "CAD": "5000"}, "both": {"ZUSD": "10000", "CAD": "500"},
            "cad": {"CAD": "14500"}, "amount": {"ZUSD": "1000"},
        }  # fmt: skip
        keys = {name: paper.open_account(name, balances) for name, balances in own.items()}
        users = dict.fromkeys(("both", "cad", "amount"), "0")
        with System(paper, users, keys=keys, user_lines={"amount": IN_CAD}) as system:
            system.start().wait_ready()
            system.buy("ETH/CAD", "0.1")
            system.settled(1)
            # The master owns 145,000 CAD in all, these two a tenth of it.
            for user in ("both", "cad"):
                (copy,) = system.copies(user)
                assert abs(D(copy.filled_volume) - D("0.01")) < D("0.0001"), copy.detail
            system.buy("BTC/USD", "0.01")
            system.settled(2)
            assert abs(cost(system.copies("amount")[-1]) - 50) < D("0.1")


def test_other_money_counts_though_the_master_holds_nothing_but_the_quote() -> None:
    """The master holds nothing but Canadian dollars and buys ETH/CAD; a user holds mostly US dollars: it
    is sized by both.
    """
    with Paper() as paper:
        paper.call("POST", "/pairs", base="USD", quote="CAD", price="1.4")
        paper.call("POST", "/pairs", base="ETH", quote="CAD", price="3500")
        for pair, price in (("USDCAD", "1.4"), ("ETHCAD", "3500"), ("ETHUSD", "2500")):
            paper.price(pair, price)
        own = {"master": {"CAD": "140000"}, "ann": {"ZUSD": "9000", "CAD": "1400"}}
        keys = {name: paper.open_account(name, balances) for name, balances in own.items()}
        with System(paper, {"ann": "0"}, keys=keys) as system:
            system.start().wait_ready()
            system.buy("ETH/CAD", "0.1")
            system.settled(1)
            # The master owns 140,000 CAD, this one 14,000 in all.
            (copy,) = system.copies("ann")
            assert abs(D(copy.filled_volume) - D("0.01")) < D("0.0001"), copy.detail
