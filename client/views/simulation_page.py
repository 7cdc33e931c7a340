"""What a simulation or a forecast found, for people: what really happened beside what would have. Pure:
messages in, lines out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from krakencopy.client.views.formats import local_time, money, plain
from krakencopy.client.views.rows import marked
from krakencopy.client.views.table import Column, Grid
from krakencopy.v1 import simulation_pb2 as pb
from krakencopy.v1 import types_pb2

_COUNTS = ("copies", "orders", "filled", "carried")
_BY_REASON = ("skipped", "rejected", "capped")
_SUMS = ("bought", "sold", "fees", "realised", "unrealised", "profit", "drawdown")
_Row = Callable[[str, str, str], list[str]]
#: A user that was not there has nothing on the real side.
NOT_THERE = "-"


def simulation_page(found: pb.Simulation) -> list[str]:
    """The whole of it."""
    since, until = local_time(found.since) or "the beginning", local_time(found.until)
    lines = [f"SIMULATED: {found.fills} fills from {since} until {until}; money in {found.currency}"]
    for account in (*found.accounts, found.sum):
        lines += ["", *_account_lines(account)]
    return lines


def _account_lines(account: pb.SimulatedAccount) -> list[str]:
    grid = Grid((Column(""), Column("REAL", right=True), Column("SIMULATED", right=True), _DIFFERENCE))
    rows = list(_rows(account))
    grid.fit(rows)
    title = marked(account.account_id, is_shadow=account.shadow) or "ALL"
    header = f"{title}{grid.header()[len(title) :]}"
    return [
        header, *map(grid.line, rows), *map(_limit_line, account.limits),
        *(f"  assumed: {plain(each)}" for each in account.assumptions),
    ]  # fmt: skip


def _limit_line(limit: types_pb2.LossLimit) -> str:
    """When it would have been hit first, or how much of it would have been lost at most."""
    name, most = plain(limit.name), plain(limit.max_loss)
    if limit.state == types_pb2.LIMIT_STATE_HIT:
        lost = f"with {plain(limit.loss)} lost of at most {most}; then {limit.action}"
        return f"  estimated: limit {name} would have been hit first at {local_time(limit.hit_at)} {lost}"
    if not limit.loss:
        return f"  estimated: limit {name}: nothing is known of what would have been lost"
    return f"  estimated: limit {name} would not have been hit: at most {plain(limit.loss)} of {most} lost"


_DIFFERENCE = Column("DIFFERENCE", right=True)


def _rows(account: pb.SimulatedAccount) -> Iterator[list[str]]:
    was_there = account.HasField("real")
    real, simulated = account.real, account.simulated

    def row(name: str, was: str, would: str) -> list[str]:
        difference = Decimal(would or "0") - Decimal(was or "0")
        return [name, was if was_there else NOT_THERE, would, f"{difference:+f}" if was_there else NOT_THERE]

    for name in _COUNTS:
        yield row(name, str(getattr(real, name)), str(getattr(simulated, name)))
        if name == "carried":
            for kind in _BY_REASON:
                yield from _reasons(kind, getattr(real, kind), getattr(simulated, kind), row)
    for name in _SUMS:
        yield row(name, getattr(real, name), getattr(simulated, name))


def _reasons(
    kind: str, real: Sequence[pb.ReasonCount], simulated: Sequence[pb.ReasonCount], row: _Row
) -> Iterator[list[str]]:
    was, would = ({each.reason: each.copies for each in side} for side in (real, simulated))
    for reason in sorted(was.keys() | would.keys()):
        yield row(f"{kind}: {plain(reason)}", str(was.get(reason, 0)), str(would.get(reason, 0)))


def forecast_page(found: pb.Forecast) -> list[str]:
    """How a user would follow."""
    begun = ", ".join(map(money, found.begun_with)) or "nothing"
    grid = Grid(
        (Column("FILLS"), Column("COUNT", right=True), Column("% OF FILLS", right=True),
         Column("% OF NOTIONAL", right=True), Column("WHY"))
    )  # fmt: skip
    rows = [
        [
            share.kind, str(share.fills), _percent(share.share_of_fills), _percent(share.share_of_notional),
            ", ".join(f"{plain(each.reason)} {each.copies}" for each in share.reasons),
        ]
        for share in found.shares
    ]  # fmt: skip
    grid.fit(rows)
    smallest = (
        f"{found.faithful_balance} {found.currency} is the smallest balance that follows faithfully: nothing "
        "is too small for the exchange, and nothing is short of money"
        if found.faithful_balance
        else "no balance follows faithfully: by these settings something is too small with any"
    )
    return [
        f"{plain(found.account_id)} by {found.fills} fills since {local_time(found.since)}, with {begun}",
        grid.header(), *map(grid.line, rows), smallest, *map(_still_capped, found.still_capped),
        *(f"  assumed: {plain(each)}" for each in found.assumptions),
    ]  # fmt: skip


def _still_capped(share: pb.ForecastShare) -> str:
    percent = _percent(share.share_of_notional)
    worth = f", {percent} % of what they are worth" if percent else ""
    return f"  but {share.kind} cuts {share.fills} fills{worth}: with that balance, and with every larger one"


def _percent(share: str) -> str:
    return f"{Decimal(share) * 100:.2f}" if share else ""
