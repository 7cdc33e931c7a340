"""What replays come to, as the results of `krakencopy simulate` and `forecast`. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.simulation.forecast import Share
from krakencopy.account_proc.simulation.performance import Performance, deepest_fall
from krakencopy.account_proc.simulation.replay import Replayed
from krakencopy.account_proc.simulation.replayed_market import was_ordered
from krakencopy.account_proc.simulation.replayed_user import CURRENCY
from krakencopy.v1 import simulation_pb2 as pb
from krakencopy.v1 import types_pb2

#: Sums of money are shown to so many decimals.
CENTS = Decimal("0.01")
#: And shares to so many.
PARTS = Decimal("0.0001")
NOTHING = Decimal(0)


def simulated_account(replayed: Replayed) -> pb.SimulatedAccount:
    """One user."""
    result = pb.SimulatedAccount(
        account_id=replayed.account_id, assumptions=replayed.assumptions, shadow=replayed.is_shadow,
        simulated=outcome(replayed.copies, [replayed.replayed]),
        limits=replayed.limits.to_proto(replayed.account_id),
    )  # fmt: skip
    if replayed.was_there:
        result.real.CopyFrom(outcome(replayed.real_copies, [replayed.real]))
    return result


def sum_of(all_of_them: Sequence[Replayed]) -> pb.SimulatedAccount:
    """All users together, but for shadows: what those did is not real. What really happened is that of those
    who were there.
    """
    counted = [replayed for replayed in all_of_them if not replayed.is_shadow]
    there = [replayed for replayed in counted if replayed.was_there]
    result = pb.SimulatedAccount(
        simulated=_of_all(counted), real=outcome(
            [copy for replayed in there for copy in replayed.real_copies],
            [replayed.real for replayed in there],
        ),
    )  # fmt: skip
    for words, those in (
        ("not there then, and in the simulated sums alone", [each for each in counted if not each.was_there]),
        ("a shadow, and in no sum", [each for each in all_of_them if each.is_shadow]),
    ):
        if those:
            result.assumptions.append(f"{', '.join(each.account_id for each in those)}: {words}")
    return result


def _of_all(all_of_them: Sequence[Replayed]) -> pb.CopyingOutcome:
    copies = [copy for replayed in all_of_them for copy in replayed.copies]
    return outcome(copies, [replayed.replayed for replayed in all_of_them])


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
        begun_with=[types_pb2.Money(amount=plain(wallet[asset]), asset=asset) for asset in sorted(wallet)],
        faithful_balance="" if faithful is None else _money(faithful), assumptions=replayed.assumptions,
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


def outcome(copies: Iterable[CopyRecord], performances: Sequence[Performance]) -> pb.CopyingOutcome:
    """What copies came to."""
    copies = list(copies)
    skipped = [copy.reason for copy in copies if copy.state is CopyState.SKIPPED]
    rejected = [copy.reason for copy in copies if copy.state is CopyState.REJECTED]
    fall, _ = deepest_fall(_sum_of([performance.curve for performance in performances]))
    sums = {
        name: sum((getattr(performance, name) for performance in performances), NOTHING)
        for name in ("bought", "sold", "fees", "realised", "unrealised")
    }
    return pb.CopyingOutcome(
        copies=len(copies), orders=sum(map(was_ordered, copies)),
        filled=sum(1 for copy in copies if copy.filled),
        carried=sum(1 for copy in copies if copy.state is CopyState.CARRIED),
        skipped=_counted(skipped), rejected=_counted(rejected),
        capped=_counted(copy.cap for copy in copies if copy.cap),
        profit=_money(sums["realised"] + sums["unrealised"]), drawdown=_money(fall),
        **{name: _money(amount) for name, amount in sums.items()},
    )  # fmt: skip


def _sum_of(curves: Sequence[Sequence[Decimal]]) -> Iterable[Decimal]:
    """All have the same last point; one that begins later was at nothing before."""
    longest = max(map(len, curves), default=0)
    aligned = [[NOTHING] * (longest - len(curve)) + list(curve) for curve in curves]
    return (sum(points, NOTHING) for points in zip(*aligned, strict=True))


def _counted(reasons: Iterable[str]) -> list[pb.ReasonCount]:
    return _counts(Counter(reasons))


def _counts(counts: Mapping[str, int]) -> list[pb.ReasonCount]:
    return [pb.ReasonCount(reason=reason, copies=count) for reason, count in sorted(counts.items())]


def _money(amount: Decimal) -> str:
    return plain(amount.quantize(CENTS))
