"""What replays come to, as the results of `krakencopy simulate` and `forecast`. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from typing import Any

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.decimal_text import cents, plain
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.simulation.forecast import Share
from krakencopy.account_proc.simulation.performance import Performance, deepest_fall
from krakencopy.account_proc.simulation.replay import Replayed, amount_text
from krakencopy.account_proc.simulation.replayed_market import was_ordered
from krakencopy.account_proc.simulation.replayed_user import CURRENCY
from krakencopy.v1 import simulation_pb2 as pb
from krakencopy.v1 import types_pb2

#: Shares are shown to so many decimals.
PARTS = Decimal("0.0001")
NOTHING = Decimal(0)
#: Of a user's performance.
SUMS = ("bought", "sold", "fees", "realised", "unrealised")


@dataclass(slots=True)
class Outcome:
    """What copies came to, of one user or of several together: sums, without the copies."""

    counts: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    capped: Counter[str] = field(default_factory=Counter)
    money: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(SUMS, NOTHING))
    #: What was won by the moment of each look.
    curve: list[Decimal] = field(default_factory=list)

    @classmethod
    def of(cls, copies: Iterable[CopyRecord], performance: Performance) -> Outcome:
        """Of one user."""
        money = {name: getattr(performance, name) for name in SUMS}
        made = cls(money=money, curve=list(performance.curve))
        for copy in copies:
            made._count(copy)
        return made

    def _count(self, copy: CopyRecord) -> None:
        self.counts["copies"] += 1
        self.counts["orders"] += was_ordered(copy)
        self.counts["filled"] += bool(copy.filled)
        self.counts["carried"] += copy.state is CopyState.CARRIED
        if copy.state is CopyState.SKIPPED:
            self.skipped[copy.reason] += 1
        elif copy.state is CopyState.REJECTED:
            self.rejected[copy.reason] += 1
        if copy.cap:
            self.capped[copy.cap] += 1

    def add(self, other: Outcome) -> None:
        """One more user. All curves have the same last point; one that begins later was at nothing before."""
        for part in ("counts", "skipped", "rejected", "capped"):
            getattr(self, part).update(getattr(other, part))
        for name, amount in other.money.items():
            self.money[name] += amount
        short, long = sorted((self.curve, other.curve), key=len)
        before = len(long) - len(short)
        self.curve = long[:before] + [one + two for one, two in zip(long[before:], short, strict=True)]

    def to_proto(self) -> pb.CopyingOutcome:
        """As it is shown: money to cents."""
        fall, _ = deepest_fall(self.curve)
        won = self.money["realised"] + self.money["unrealised"]
        money = {name: cents(amount) for name, amount in (self.money | {"profit": won}).items()}
        sums: dict[str, Any] = {**self.counts, **money}
        return pb.CopyingOutcome(
            **sums, drawdown=cents(fall), skipped=_counts(self.skipped), rejected=_counts(self.rejected),
            capped=_counts(self.capped),
        )  # fmt: skip


class Outcomes:
    """Of users, one after the other: of each that is added its sums are kept, and not its copies."""

    def __init__(self) -> None:
        self.accounts: list[pb.SimulatedAccount] = []
        self._simulated, self._real = Outcome(), Outcome()
        self._absent: list[str] = []
        self._shadows: list[str] = []

    def add(self, replayed: Replayed) -> pb.SimulatedAccount:
        """One more user."""
        simulated = Outcome.of(replayed.copies, replayed.replayed)
        account = pb.SimulatedAccount(
            account_id=replayed.account_id, assumptions=replayed.assumptions, shadow=replayed.is_shadow,
            simulated=simulated.to_proto(), limits=replayed.limits.to_proto(replayed.account_id),
        )  # fmt: skip
        real = Outcome.of(replayed.real_copies, replayed.real) if replayed.was_there else None
        if real is not None:
            account.real.CopyFrom(real.to_proto())
        self.accounts.append(account)
        if replayed.is_shadow:
            self._shadows.append(replayed.account_id)
            return account
        self._simulated.add(simulated)
        if real is None:
            self._absent.append(replayed.account_id)
        else:
            self._real.add(real)
        return account

    def sum(self) -> pb.SimulatedAccount:
        """All of them together, but for shadows: what those did is not real. What really happened is that of
        those who were there.
        """
        words = (
            (self._absent, "not there then, and in the simulated sums alone"),
            (self._shadows, "a shadow, and in no sum"),
        )
        return pb.SimulatedAccount(
            simulated=self._simulated.to_proto(), real=self._real.to_proto(),
            assumptions=[f"{', '.join(those)}: {why}" for those, why in words if those],
        )  # fmt: skip


def forecast_of(
    replayed: Replayed, fills: Sequence[types_pb2.Fill], wallet: Mapping[str, Decimal],
    shares: Iterable[Share], faithful: Decimal | None, still_capped: Mapping[str, Sequence[int]],
    worth: Mapping[int, Decimal],
) -> pb.Forecast:  # fmt: skip
    """How a user would follow. ``still_capped``: the fills that caps cut with the faithful balance, too;
    ``worth``: what each fill was worth.
    """
    shares = list(shares)
    notional = sum((share.notional for share in shares), NOTHING)
    result = pb.Forecast(
        account_id=replayed.account_id, fills=len(fills), currency=CURRENCY,
        begun_with=[
            types_pb2.Money(amount=amount_text(amount, asset), asset=asset)
            for asset, amount in sorted(wallet.items())
        ],
        # Rounded down it might not be enough.
        faithful_balance="" if faithful is None else cents(faithful, ROUND_CEILING),
        assumptions=replayed.assumptions,
        shares=[
            pb.ForecastShare(
                kind=share.kind, fills=share.fills, share_of_fills=_part(share.fills, len(fills)),
                share_of_notional=_part(share.notional, notional), reasons=_counts(share.reasons),
            )
            for share in shares
        ],
        still_capped=[
            pb.ForecastShare(
                kind=cap, fills=len(seqs), share_of_fills=_part(len(seqs), len(fills)),
                share_of_notional=_part(sum((worth.get(seq, NOTHING) for seq in seqs), NOTHING), notional),
            )
            for cap, seqs in sorted(still_capped.items())
        ],
    )  # fmt: skip
    result.since.CopyFrom(fills[0].executed_at)
    return result


def _part(part: Decimal | int, whole: Decimal | int) -> str:
    return plain((Decimal(part) / whole).quantize(PARTS)) if whole else ""


def _counts(counts: Mapping[str, int]) -> list[pb.ReasonCount]:
    return [pb.ReasonCount(reason=reason, copies=count) for reason, count in sorted(counts.items())]
