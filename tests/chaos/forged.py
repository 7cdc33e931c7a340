"""A small record of a world in which all is well, to be spoilt: a master with 1000 dollars buys and sells,
anna has 100.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.chaos.judge_copies import client_order_id
from tests.chaos.records import Record
from tests.chaos.rows import (
    Copy,
    Fill,
    PriceSet,
    ProcessSeen,
    Request,
    Settled,
    SupervisorSeen,
    Trade,
    UserTerms,
)
from tests.chaos.terms import ASSETS, coin_of

JOURNAL = "the-journal"
NOW = 1_795_336_500.0
PRICE = Decimal(50_000)
PRICES = {
    "BTC/USD": PRICE,
    "BTC/EUR": Decimal(40_000),
    "ETH/BTC": Decimal("0.05"),
    "ETH/USD": Decimal(2_500),
    "EUR/USD": Decimal("1.25"),
}
D = Decimal


def order_id(copy_id: str, attempt: int = 1, account: str = "anna") -> str:
    """The client order id of a copy."""
    return client_order_id(JOURNAL, account, copy_id, attempt)


def trade(
    n: int,
    account: str,
    side: str,
    volume: str,
    *,
    order: str,
    cl_ord_id: str = "",
    pair: str = "BTC/USD",
    price: Decimal | None = None,
) -> Trade:
    """A fill at the exchange at the one price that there is in each pair."""
    at = PRICES[pair] if price is None else price
    cost = D(volume) * at
    return Trade(
        n=n,
        at=NOW + n,
        account=account,
        order_id=order,
        exec_id=f"T{n}",
        cl_ord_id=cl_ord_id,
        pair=pair,
        side=side,
        price=at,
        volume=D(volume),
        cost=cost,
        fee=cost * D("0.008"),
        fee_asset=ASSETS[pair.partition("/")[2]],
    )


def request(n: int, copy_id: str, side: str, volume: str, nonce: int) -> Request:
    """An order of anna's."""
    return Request(
        n=n,
        at=NOW + n,
        account="anna",
        key_id="k",
        method="AddOrder",
        nonce=nonce,
        cl_ord_id=order_id(copy_id),
        pair="BTC/USD",
        side=side,
        volume=D(volume),
        deadline="soon",
        outcome="ok",
    )


def fill(seq: int, source: Trade, **frozen: Any) -> Fill:
    """A journalled fill of the master; all that it holds was bought since the journal began unless said
    otherwise.
    """
    before = frozen.get("master_position", D(0))
    counted = {
        "journal_position": before,
        "journal_position_after": before + source.volume * (1 if source.side == "buy" else -1),
        "fee": source.fee,
        "fee_coin": coin_of(source.fee_asset),
        "source": "FEED",
    }
    return Fill(
        seq=seq,
        epoch=1,
        exec_id=source.exec_id,
        order_id=source.order_id,
        pair=source.pair,
        side=source.side,
        price=source.price,
        volume=source.volume,
        executed_at=source.at,
        journalled_at=source.at + 0.01,
        **{"order_filled_before": D(0), **counted, **frozen},
    )


def copy(copy_id: str, seqs: tuple[int, ...], side: str, volume: str, reason: str, **more: Any) -> Copy:
    """A copy of anna's that was filled."""
    at = NOW + {1: 1, 2: 3}[seqs[0]]
    values: dict[str, Any] = {
        "account": "anna",
        "copy_id": copy_id,
        "seqs": seqs,
        "pair": "BTC/USD",
        "side": side,
        "state": "FILLED",
        "reason": reason,
        "ordered": D(volume),
        "filled": D(volume),
        "avg_price": PRICE,
        "attempts": 1,
        "cl_ord_id": order_id(copy_id),
        "user_equity": D(100),
        "decided_at": at + 0.1,
        "finished_at": at + 0.2,
    }
    return Copy(**(values | more))


def record() -> Record:
    """The master buys 0.001 BTC for a twentieth of its money and sells it; anna does the same with a tenth
    of that.
    """
    bought = trade(1, "master", "buy", "0.001", order="O1")
    sold = trade(3, "master", "sell", "0.001", order="O2")
    return Record(
        journal_id=JOURNAL,
        master={"ZUSD": D(1000)},
        users=[UserTerms(account="anna", usd=D(100))],
        prices=[PriceSet(at=NOW - 10, pair="BTC/USD", bid=PRICE, ask=PRICE)],
        trades=[
            bought,
            trade(2, "anna", "buy", "0.0001", order="A1", cl_ord_id=order_id("c1")),
            sold,
            trade(4, "anna", "sell", "0.0001", order="A2", cl_ord_id=order_id("c2")),
        ],
        requests=[request(1, "c1", "buy", "0.0001", 10), request(2, "c2", "sell", "0.0001", 11)],
        fills=[
            fill(
                1,
                bought,
                master_equity=D(1000),
                master_cash=D(1000),
                master_position_before=D(0),
                master_position=D(0),
            ),
            fill(
                2,
                sold,
                master_equity=D("999.6"),
                master_cash=D("949.6"),
                master_position_before=D("0.001"),
                master_position=D("0.001"),
            ),
        ],
        copies=[copy("c1", (1,), "buy", "0.0001", "SCALED"), copy("c2", (2,), "sell", "0.0001", "EXIT_FULL")],
        supervisors=[SupervisorSeen(pid=1, epoch=1, started=NOW - 5)],
        processes=[ProcessSeen(account="anna", pid=7, epoch=1, first_seen=NOW - 4, last_alive=NOW + 9)],
        settled=[
            Settled(
                at=NOW + 8,
                trades=4,
                balances={"master": {"XXBT": D(0)}, "anna": {"XXBT": D(0), "ZUSD": D("99.92")}},
                open_orders={"anna": 0},
            )
        ],
    )


def spoil(rows: list[Any], index: int, **changes: Any) -> None:
    """Changes one row of a record."""
    rows[index] = replace(rows[index], **changes)
