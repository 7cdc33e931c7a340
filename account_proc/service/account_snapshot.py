"""What a Kraken account's process reports of itself, from what its parts know.

With each copy that ends a snapshot is made, in hundreds of processes at once. So what no copy changes (what
the key may do, whether the exchange answers) is kept from one to the next, until something else has changed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from krakencopy.account_proc.contract.conditions import Finding
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.ledger_file import Held
from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.contract.spec import Role
from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.domain.pairs import NOT_LISTED
from krakencopy.account_proc.domain.sent_values import WIDE
from krakencopy.account_proc.kraken.rest.rate_limits import RateStatus
from krakencopy.account_proc.notices.unreadable import NoticeCode
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.service.account_conditions import account_findings, copying_findings
from krakencopy.account_proc.service.kraken_account import KrakenAccount
from krakencopy.account_proc.service.limit_status import levels_to_proto, limits_to_proto
from krakencopy.account_proc.service.trading_status import trading_status
from krakencopy.account_proc.service.user_side import UserSide
from krakencopy.account_proc.state.ledger import Drift
from krakencopy.account_proc.strategy.runner import StrategyRunner
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import types_pb2

#: Currency that equity is shown in.
DISPLAY_CURRENCY = "USD"
EQUITY_STEP = Decimal("0.0001")
#: What changes by time alone, as the clocks' difference does, is looked at again after this, in seconds.
STANDING_S = 5.0


@dataclass(frozen=True, slots=True)
class _Standing:
    """What no copy changes."""

    #: As of which change, by which rules of pairs, and when it was looked at, by the monotonic clock.
    version: int
    pairs: PairTable | None
    at: float
    preflight: types_pb2.Preflight | None
    findings: tuple[Finding, ...]


class AccountSnapshots:
    """Makes those of one account."""

    def __init__(self, account: KrakenAccount, changes: ChangeSignal) -> None:
        """``changes`` rings when anything changes that a snapshot tells, and knows of what kind it was."""
        self._account = account
        self._changes = changes
        self._kept: _Standing | None = None

    def take(
        self, user: UserSide | None, strategy_runner: StrategyRunner | None, readiness: tuple[str, str]
    ) -> pb.WatchSnapshotResponse:
        """The account as it is now. ``readiness``: why it cannot trade, as a code and for people."""
        return _snapshot(self._account, user, strategy_runner, readiness, self._standing())

    def _standing(self) -> _Standing:
        kept, version, now = self._kept, self._changes.standing_version, time.monotonic()
        pairs = self._account.portfolio.pairs.latest
        is_kept = kept is not None and (kept.version, kept.pairs) == (version, pairs)
        if kept is None or not is_kept or now - kept.at > STANDING_S:
            findings = tuple(account_findings(self._account))
            preflight = self._account.key_check.to_proto(pairs)
            kept = self._kept = _Standing(version, pairs, now, preflight, findings)
        return kept


def _snapshot(
    account: KrakenAccount, user: UserSide | None, strategy_runner: StrategyRunner | None,
    readiness: tuple[str, str], standing: _Standing,
) -> pb.WatchSnapshotResponse:  # fmt: skip
    reason, message = readiness
    snapshot = pb.WatchSnapshotResponse(
        nonce=types_pb2.NonceStatus(
            path=str(account.nonce.path), last=account.nonce.last, reserved=account.nonce.reserved
        ),
        feed_connected=account.is_feed_fresh,
        reason=reason,
        message=message,
        rate=_rate_to_proto(account.calls.rate_status()),
        announcements=account.announcements,
        trading_mode=_trading_mode(account.spec.role, strategy_runner),
    )
    snapshot.shadow = account.spec.shadow
    flatten_state = types_pb2.FLATTEN_STATE_REQUESTED if user is None else user.flatten_state
    snapshot.trading.CopyFrom(trading_status(account.guard, flatten_state))
    equity = account.portfolio.equity(DISPLAY_CURRENCY)
    if equity is not None:
        snapshot.equity.amount, snapshot.equity.asset = (
            plain(equity.quantize(EQUITY_STEP, context=WIDE)),
            DISPLAY_CURRENCY,
        )
    if account.portfolio.loaded:
        snapshot.balances.extend(balances_to_proto(account.portfolio.by_asset()))
        snapshot.balances_at.CopyFrom(timestamp(account.portfolio.read_at))
    found = standing.findings
    if user is not None and user.copier is not None:
        snapshot.positions_known = True
        snapshot.cursor_seq = account.ledger.cursor or 0
        snapshot.copies_open = user.copies_open
        snapshot.synced = account.ledger.synced
        snapshot.deposits = account.deposits.noticed
        # Asked of one that leaves, which buys nothing: of others it would cost each snapshot a little.
        may_leave = snapshot.trading.state != types_pb2.TRADING_STATE_ACTIVE
        # Before, an order of an earlier process that may still buy is not counted.
        is_known = account.portfolio.loaded and user.copier.has_taken_up
        snapshot.holds_copied = may_leave and (not is_known or user.copier.positions.holds_sellable())
        snapshot.positions.extend(user.copier.positions.to_proto())
        snapshot.drifts.extend(map(drift_to_proto, user.drifts()))
        if user.limits is not None:
            snapshot.limits.extend(limits_to_proto(user.limits, account.spec.id))
            snapshot.levels.extend(levels_to_proto(user.limits))
        found += tuple(copying_findings(account, user, user.copier, snapshot.positions))
    if strategy_runner is not None:
        snapshot.strategy.CopyFrom(strategy_runner.to_proto())
    _notice_unlisted(account, (*snapshot.positions, *snapshot.strategy.positions))
    snapshot.notices.extend(notice.to_proto() for notice in account.notices.shown())
    if standing.preflight is not None:
        snapshot.preflight.CopyFrom(standing.preflight)
    snapshot.conditions.extend(account.conditions.to_proto(found))
    if account.ledger.reconciled_at is not None:
        snapshot.reconciled_at.CopyFrom(timestamp(account.ledger.reconciled_at))
    return snapshot


def _trading_mode(role: Role, strategy_runner: StrategyRunner | None) -> types_pb2.TradingMode.ValueType:
    is_own = role is Role.MASTER or (strategy_runner is not None and strategy_runner.on)
    return types_pb2.TRADING_MODE_OWN if is_own else types_pb2.TRADING_MODE_COPYING


def _notice_unlisted(
    account: KrakenAccount, held: Iterable[types_pb2.CopiedPosition | types_pb2.OwnPosition]
) -> None:
    """Says what is held by copying, or by the account's own strategy, in pairs that the exchange does not
    list.
    """
    table = account.portfolio.pairs.latest
    if table is None:
        return
    gone = {
        found.pair: f"{found.pair} is not listed at the exchange any more, and {found.volume} of it is "
        "held: it stays counted; "
        "look the coin up at the exchange, it may have been renamed or be there to be withdrawn only"
        for found in held
        if "/" in found.pair
        and Decimal(found.volume)
        and ((rules := table.find(found.pair)) is None or rules.status == NOT_LISTED)
    }
    account.notices.hold(NoticeCode.NOT_LISTED, gone)


def _rate_to_proto(rate: RateStatus) -> types_pb2.RateStatus:
    return types_pb2.RateStatus(
        tier=rate.tier, rest_counter=rate.rest_counter, rest_limit=rate.rest_limit,
        order_counter=rate.order_counter, order_limit=rate.order_limit, order_pair=rate.order_pair,
        waiting=rate.waiting, refused=rate.refused,
    )  # fmt: skip


def balances_to_proto(balances: Mapping[str, Held]) -> Iterable[types_pb2.AssetBalance]:
    """The form in which they are shown."""
    for asset, held in balances.items():
        in_orders = "" if held.in_orders is None else plain(held.in_orders)
        yield types_pb2.AssetBalance(asset=asset, volume=plain(held.volume), held=in_orders)


def drift_to_proto(drift: Drift) -> types_pb2.Drift:
    """The form in which it is reported."""
    return types_pb2.Drift(
        code=drift.code,
        order_id=drift.order_id,
        cl_ord_id=drift.cl_ord_id,
        copy_id=drift.copy_id,
        message=drift.message,
        found_at=timestamp(drift.found_at),
    )
