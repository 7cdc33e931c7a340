"""`why`: the story of one fill, of all users together, then user by user and hop by hop. Pure: a message in,
lines out.
"""

from __future__ import annotations

from collections.abc import Collection

from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.client.views.fill_summary import OPEN, needs_look, summary
from krakencopy.client.views.formats import (
    because,
    clock_time,
    is_some,
    local_time,
    milliseconds,
    money,
    nanoseconds,
    plain,
    short,
    side,
    word,
)
from krakencopy.client.views.rows import marked, seqs
from krakencopy.client.views.table import Column, table
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

#: Users that are shown in detail, where nobody asks for any.
DETAILS_MAX = 3
#: A hop's name and when it happened.
Hop = tuple[str, Timestamp]

_HOP_COLUMNS = (
    Column("  hop"),
    Column("at"),
    Column("after previous", right=True),
    Column("after execution", right=True),
)


def story(
    answer: pb.ExplainFillResponse, accounts: Collection[str] = (), *, show_all: bool = False
) -> list[str]:
    """What happened to the fill, in a few lines; then in detail what these ``accounts`` made of it: without
    any, those that somebody should look at, or with ``show_all`` every one.
    """
    fill, outcomes = answer.fill, list(answer.outcomes)
    lines = [*_fill_lines(fill), "", *summary(outcomes, fill)]
    shown = [each for each in outcomes if each.account_id in accounts] if accounts else outcomes
    if not accounts and not show_all and len(outcomes) > DETAILS_MAX:
        shown = [each for each in outcomes if needs_look(each)][:DETAILS_MAX]
    if shown:
        lines += ["", *_hop_lines([], _fill_hops(fill))]
    for outcome in shown:
        lines += ["", *_outcome_lines(fill, outcome)]
    if not accounts and len(shown) < len(outcomes):
        one, all_of_them = f"`krakencopy why {fill.seq} --account ID`", "`--all`"
        lines += ["", f"{one} shows one user's copy in detail, {all_of_them} those of all {len(outcomes)}."]
    return lines


def _fill_lines(fill: nouns.Fill) -> list[str]:
    fee = f", fee {money(fill.fee)}" if money(fill.fee) else ""
    lines = [
        f"Fill {fill.seq}: the master {_traded(fill.side)} {fill.volume} {fill.pair} at {fill.price}{fee}",
        f"  on {local_time(fill.executed_at)} (times below are of this zone)",
        f"  execution {fill.exec_id} of order {fill.order_id}, {_source(fill)}",
    ]
    quote = fill.pair.partition("/")[2]
    base = fill.pair.partition("/")[0]
    before = (
        f"{short(fill.master_equity)} {quote} in all" if fill.master_equity else "",
        f"{short(fill.master_cash)} {quote} free" if fill.master_cash else "",
        f"{fill.master_position_before} {base} held" if fill.master_position_before else "",
    )
    if any(before):
        lines.append("  before its order the master had " + ", ".join(part for part in before if part))
    if fill.journal_position:
        counted = (
            f"{fill.journal_position} {base} before this fill and {fill.journal_position_after} "
            f"{base} after it"
        )
        lines.append(f"  of what it bought since the journal began it held {counted}")
    if is_some(fill.order_filled_before):
        lines.append(f"  {fill.order_filled_before} {base} of the same order were filled before")
    if fill.margin:
        lines.append("  a margin trade: recorded, not copied")
    if fill.not_copied:
        lines.append(f"  recorded, and copied by nobody: {plain(fill.not_copied)}")
    return lines


def _outcome_lines(fill: nouns.Fill, outcome: pb.FillOutcome) -> list[str]:
    user = plain(outcome.account_id)
    if not outcome.HasField("copy"):
        return [f"{user}: no answer yet", *_indented(outcome.explanation)]
    copy = outcome.copy
    user = marked(outcome.account_id, is_shadow=copy.shadow)
    # The server's explanation has reason and detail in it; without one they stand in the headline.
    head = [f"{user}: {_state(copy)}", *_indented(outcome.explanation)]
    lines = [*(head if outcome.explanation else [_headline(user, copy)]), *_copy_lines(fill, copy)]
    last = copy
    if outcome.HasField("joined"):
        last = outcome.joined
        lines += [_headline("  its volume was ordered later", last), *_copy_lines(fill, last)]
    if outcome.HasField("latency"):
        latency = milliseconds(outcome.latency, known=True)
        lines.append(f"  {latency} ms from the master's process receiving it to {user}'s order leaving")
    return lines + _hop_lines(_fill_hops(fill), _copy_hops(last))


def _headline(who: str, copy: nouns.Copy) -> str:
    reason = because(copy.reason, copy.detail)
    return f"{who}: {_state(copy)}" + (f" ({reason})" if reason else "")


def _state(copy: nouns.Copy) -> str:
    return word(nouns.CopyState.DESCRIPTOR, copy.state)


def _copy_lines(fill: nouns.Fill, copy: nouns.Copy) -> list[str]:
    base, _, quote = (copy.pair or fill.pair).partition("/")
    lines = []
    volumes = (
        f"wanted {short(copy.planned_volume)}" if copy.planned_volume else "",
        f"{_ordered(copy)} {copy.ordered_volume}" if copy.ordered_volume else "",
        f"filled {copy.filled_volume}" if copy.filled_volume else "",
    )
    if any(map(is_some, (copy.planned_volume, copy.ordered_volume, copy.filled_volume))):
        price = f" at {short(copy.avg_price)} {quote}" if copy.avg_price else ""
        fee = f", fee {money(copy.fee)}" if money(copy.fee) else ""
        lines.append(f"  {', '.join(part for part in volumes if part)} {base}{price}{fee}")
    if is_some(copy.user_equity):
        lines.append(f"  sized for an equity of {short(copy.user_equity)} {quote}")
    if len(copy.fill_seqs) > 1:
        lines.append(f"  one answer to fills {seqs(copy)}; its times are those of the first")
    if copy.carried_in:
        lines.append(f"  carried in: {', '.join(copy.carried_in)}")
    if copy.order_id or copy.cl_ord_id:
        attempts = f", {copy.attempts} attempts" if copy.attempts > 1 else ""
        order = f"order {copy.order_id}" if copy.order_id else _no_order(copy)
        lines.append(f"  {order}, cl_ord_id {copy.cl_ord_id}{attempts}")
    return lines


def _ordered(copy: nouns.Copy) -> str:
    """The word for its volume: an order that nobody knows to have left is not said to have."""
    is_open = copy.state in OPEN
    if copy.order_id or (copy.HasField("sent_at") and not is_open):
        return "ordered"
    return "to be ordered" if is_open else "not ordered:"


def _no_order(copy: nouns.Copy) -> str:
    return "no order known so far" if copy.state in OPEN else "no order at the exchange"


def _fill_hops(fill: nouns.Fill) -> list[Hop]:
    return [
        ("executed (exchange's clock)", fill.executed_at),
        ("master's process received it", fill.received_at),
        ("durable in the journal", fill.journalled_at),
    ]


def _copy_hops(copy: nouns.Copy) -> list[Hop]:
    return [
        ("handed to the user", copy.fanned_out_at),
        ("user's process received it", copy.received_at),
        ("volume decided", copy.decided_at),
        ("order sent", copy.sent_at),
        ("exchange answered", copy.acknowledged_at),
        ("finished", copy.finished_at),
    ]


def _hop_lines(shown: list[Hop], hops: list[Hop]) -> list[str]:
    """Each hop that is known, with its distance in ms to the one before and to the first; ``shown`` ones
    are not shown again.
    """
    before = [nanoseconds(at) for _, at in shown if nanoseconds(at)]
    rows = []
    for name, at in hops:
        now = nanoseconds(at)
        if now:
            before.append(now)
            rows.append(
                [f"  {name}", clock_time(at), _distance(now - before[-2:][0]), _distance(now - before[0])]
            )
    return table(_HOP_COLUMNS, rows) if rows else []


def _distance(nanoseconds_between: int) -> str:
    return f"{nanoseconds_between / 1e6:+.3f} ms"


def _source(fill: nouns.Fill) -> str:
    if fill.source == nouns.FILL_SOURCE_HISTORY:
        return "found in the trade history (the feed was not connected)"
    return "received from the live feed"


def _traded(value: int) -> str:
    return {"buy": "bought", "sell": "sold"}.get(side(value), "traded")


def _indented(text: str) -> list[str]:
    return [f"  {plain(text)}"] if text else []
