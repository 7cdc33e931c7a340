"""What is seen of a Kraken account's conditions now, each from the part of its process that knows it. Asked
for when the snapshot is made; keeps nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from krakencopy.account_proc.contract.conditions import HOLDS, UNKNOWN, ConditionType, Finding
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.proto_time import utc_clock
from krakencopy.account_proc.copying.copied_positions import ObstructedExit
from krakencopy.account_proc.copying.copier import Copier
from krakencopy.account_proc.kraken.exchange_clock import Clock, clock_words
from krakencopy.account_proc.kraken.feed.executions_feed import ExecutionsFeed
from krakencopy.account_proc.kraken.front import FRONT_REFUSES
from krakencopy.account_proc.notices.funds import funds_missing
from krakencopy.account_proc.service.kraken_account import KrakenAccount
from krakencopy.account_proc.service.limit_status import of_limits
from krakencopy.account_proc.service.user_side import UserSide
from krakencopy.account_proc.state.ledger import Drift
from krakencopy.v1 import types_pb2 as pb

#: Of a condition that several things are wrong with, so many are listed in its words.
TOLD_MAX = 3


def account_findings(account: KrakenAccount) -> Iterator[Finding]:
    """Those that no copy changes."""
    front = account.front_refusal()
    for found in account.health.findings(time.monotonic(), account.next_try):
        yield of_front(front, found) if found.type is ConditionType.EXCHANGE_ANSWERS else found
    yield of_feed(account.feed, account.token_refused)
    yield of_clock(account.clock.reading())
    yield of_disk(account.calls.nonce_trouble)


def copying_findings(
    account: KrakenAccount, user: UserSide, copier: Copier, positions: Sequence[pb.CopiedPosition]
) -> Iterator[Finding]:
    """Those of a user's copying. ``positions``: the copied ones as they are shown."""
    portfolio = account.portfolio
    yield of_drifts(user.drifts())
    yield of_exits(list(copier.positions.obstructed_exits()))
    yield of_coins(positions)
    missing = funds_missing(
        copier.copied_pairs, portfolio.spendable, portfolio.holding, portfolio.pairs.table
    )
    yield of_funds(missing)
    if user.limits is not None and user.limits.book.own:
        yield of_limits(user.limits)


def of_front(front: str, found: Finding) -> Finding:
    """Whether the exchange answers, where something in front of it may answer instead; ``front``: what that
    says, and when it is asked again. What began before stays the reason.
    """
    if not front or found.reason not in {"", FRONT_REFUSES}:
        return found
    return Finding(
        type=ConditionType.EXCHANGE_ANSWERS, holds=False, reason=FRONT_REFUSES,
        message=f"FRONT REFUSES: {front}", data=found.data,
    )  # fmt: skip


def of_feed(feed: ExecutionsFeed | None, token_refused: str) -> Finding:
    """Whether what happens in the account is received at once. ``token_refused``: why it got no token."""
    kind = ConditionType.FEED_FRESH
    if token_refused:
        return _lacking(kind, "FEED_TOKEN_REFUSED", f"the executions feed got no token ({token_refused})")
    if feed is None:
        return UNKNOWN[kind]
    if feed.fresh:
        return HOLDS[kind]
    if feed.blocked:
        return _lacking(
            kind, FRONT_REFUSES, f"FRONT REFUSES {feed.blocked}", error=feed.trouble, next_try=feed.next_try
        )
    if feed.trouble:
        words = f"the executions feed is not connected ({feed.trouble})"
        return _lacking(kind, "FEED_DOWN", words, error=feed.trouble, next_try=feed.next_try)
    if feed.connected:
        return _lacking(kind, "FEED_DOWN", "the executions feed is silent; it is cut and connected again")
    return UNKNOWN[kind]  # the first connection is being made


def of_clock(reading: Clock | None) -> Finding:
    """Whether this machine's clock agrees with the exchange's."""
    if reading is None:
        return UNKNOWN[ConditionType.CLOCK_RIGHT]
    if words := clock_words(reading):
        return _lacking(ConditionType.CLOCK_RIGHT, "CLOCK_OFF", words, offset_s=f"{reading.offset:.0f}")
    return HOLDS[ConditionType.CLOCK_RIGHT]


def of_disk(trouble: str) -> Finding:
    """Whether what must be durable can be written; a ledger that cannot be ends the process itself."""
    kind = ConditionType.DISK_WRITABLE
    words = (
        f"nonces cannot be reserved on the disk ({trouble}); make room, or repair the disk: it is tried "
        "again with each call"
    )
    return _lacking(kind, "DISK_NOT_WRITABLE", words, error=trouble) if trouble else HOLDS[kind]


def of_drifts(drifts: Sequence[Drift]) -> Finding:
    """Whether the exchange's record of orders says what the ledger says."""
    if not drifts:
        return HOLDS[ConditionType.LEDGER_AGREES]
    last = drifts[-1]
    more = f" (and {len(drifts) - 1} more, see `krakencopy accounts ID`)" if len(drifts) > 1 else ""
    return _lacking(
        ConditionType.LEDGER_AGREES, last.code, last.message + more, count=str(len(drifts)),
        order_id=last.order_id, cl_ord_id=last.cl_ord_id, copy_id=last.copy_id,
    )  # fmt: skip


def of_exits(exits: Sequence[ObstructedExit]) -> Finding:
    """Whether an exit is owed that something is in the way of."""
    if not exits:
        return HOLDS[ConditionType.EXITS_DONE]
    first = min(exits, key=lambda each: each.since)
    words = "; ".join(each.words for each in exits[:TOLD_MAX])
    next_try = utc_clock(min(each.next_at for each in exits))
    return _lacking(
        ConditionType.EXITS_DONE, "EXIT_OWED",
        f"exit owed: {words}; it is tried again until it is done",
        pair=first.pair, volume=plain(first.volume), since=f"{first.since:.0f}", why=first.words,
        count=str(len(exits)), next_try=next_try,
    )  # fmt: skip


def of_coins(positions: Sequence[pb.CopiedPosition]) -> Finding:
    """Whether what copying has bought is in the account."""
    gone = {each.asset: each.missing_volume for each in positions if each.missing_volume}
    if not gone:
        return HOLDS[ConditionType.COINS_PRESENT]
    amounts = ", ".join(f"{volume} {asset}" for asset, volume in gone.items())
    words = f"MISSING {amounts}: bought by copying and not there any more (sold or withdrawn by hand)"
    return Finding(
        type=ConditionType.COINS_PRESENT, holds=False, reason="COINS_MISSING", message=words, data=gone
    )


def of_funds(missing: dict[str, str]) -> Finding:
    """Whether there is something to spend of what the master pays with; ``missing``: by quote, in words."""
    if not missing:
        return HOLDS[ConditionType.FUNDS_PRESENT]
    words = "; ".join(missing.values())
    return _lacking(ConditionType.FUNDS_PRESENT, "NO_FUNDS", words, quotes=", ".join(missing))


def _lacking(kind: ConditionType, reason: str, message: str, **data: str) -> Finding:
    return Finding(
        type=kind, holds=False, reason=reason, message=message,
        data={name: value for name, value in data.items() if value},
    )  # fmt: skip
