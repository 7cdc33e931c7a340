"""What an account needs, and whether it is there: conditions, as Kubernetes has them (Kubernetes API
conventions, "Typical status properties"). Pure.

Each has a type that is worded so that "it holds" is well, and while it does not hold a reason: a stable code,
which is also the code of the event that says so. ``Conditions`` keeps since when; what is seen now is given
to it as a whole, so that nothing stays for want of somebody who takes it back.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.v1 import types_pb2 as pb


class ConditionType(StrEnum):
    """What an account needs."""

    #: Its process lives and answers; the supervisor sees this one.
    PROCESS_ALIVE = "PROCESS_ALIVE"
    #: The exchange takes the key and its signatures.
    KEY_ACCEPTED = "KEY_ACCEPTED"
    #: The key may do what it is used for.
    KEY_PERMITTED = "KEY_PERMITTED"
    #: The exchange takes the nonces.
    NONCE_ACCEPTED = "NONCE_ACCEPTED"
    #: The exchange answers, itself and not a page in front of it.
    EXCHANGE_ANSWERS = "EXCHANGE_ANSWERS"
    #: No call or order was refused for its rate of late.
    RATE_FREE = "RATE_FREE"
    #: The executions feed is connected and not silent.
    FEED_FRESH = "FEED_FRESH"
    #: This machine's clock agrees with the exchange's.
    CLOCK_RIGHT = "CLOCK_RIGHT"
    #: What must be durable can be written.
    DISK_WRITABLE = "DISK_WRITABLE"
    #: The ledger and the exchange's record of orders say the same.
    LEDGER_AGREES = "LEDGER_AGREES"
    #: No exit waits for something that is in its way.
    EXITS_DONE = "EXITS_DONE"
    #: What was bought by copying is in the account.
    COINS_PRESENT = "COINS_PRESENT"
    #: There is something to spend of what the master pays with.
    FUNDS_PRESENT = "FUNDS_PRESENT"
    #: No limit to losses was hit, and each can be judged.
    LIMITS = "LIMITS"


#: These do not make an account unready where they do not hold: most users trade on in other quotes, and what
#: the record tells otherwise is shown for a day, while all that comes after it is copied; and where a limit
#: was hit exits are copied on.
HARMLESS = frozenset({ConditionType.FUNDS_PRESENT, ConditionType.LEDGER_AGREES, ConditionType.LIMITS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is seen of one condition now."""

    type: ConditionType
    #: None: nobody knows yet.
    holds: bool | None = True
    #: While it does not hold: a stable code, and the same for people with what to do.
    reason: str = ""
    message: str = ""
    #: The same for programs.
    data: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert (self.holds is False) == bool(self.reason), "a reason, where it does not hold"


#: What is found nearly always: that a condition holds; and that nobody knows.
HOLDS = {kind: Finding(type=kind) for kind in ConditionType}
UNKNOWN = {kind: Finding(type=kind, holds=None) for kind in ConditionType}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A finding with its times, in Unix seconds."""

    finding: Finding
    #: When it last began, or ceased, to hold; and when its reason, message or data changed.
    since: float
    changed_at: float

    def to_proto(self) -> pb.Condition:
        """It in the public API."""
        found = self.finding
        return pb.Condition(
            type=found.type, status=STATUS[found.holds], reason=found.reason, message=found.message,
            since=timestamp(self.since), changed_at=timestamp(self.changed_at), data=dict(found.data),
            matters=found.type not in HARMLESS,
        )  # fmt: skip


STATUS: dict[bool | None, pb.ConditionStatus.ValueType] = {
    True: pb.CONDITION_STATUS_TRUE,
    False: pb.CONDITION_STATUS_FALSE,
    None: pb.CONDITION_STATUS_UNKNOWN,
}


class Conditions:
    """The conditions of one account, by what is seen of them."""

    def __init__(self, now: Callable[[], float]) -> None:
        """``now``: Unix seconds."""
        self._now = now
        self._held: dict[ConditionType, Condition] = {}
        #: Those that were shown last, in both forms.
        self._shown: dict[ConditionType, tuple[Condition, pb.Condition]] = {}

    def update(self, findings: Iterable[Finding]) -> list[Condition]:
        """All that is seen now, each type once; the conditions in the order of their types. A type that is
        not seen any more has none.
        """
        now, seen = self._now(), {}
        for found in findings:
            assert found.type not in seen, f"{found.type} is found twice"
            before = self._held.get(found.type)
            if before is None:
                seen[found.type] = Condition(finding=found, since=now, changed_at=now)
            elif before.finding is found or before.finding == found:
                seen[found.type] = before
            elif before.finding.holds is found.holds:
                seen[found.type] = replace(before, finding=found, changed_at=now)
            else:
                seen[found.type] = Condition(finding=found, since=now, changed_at=now)
        self._held = {kind: seen[kind] for kind in ConditionType if kind in seen}
        return list(self._held.values())

    def to_proto(self, findings: Iterable[Finding]) -> list[pb.Condition]:
        """``update`` in the public API. Not to be changed: what is the same is the same object."""
        return [self._to_proto(condition) for condition in self.update(findings)]

    def _to_proto(self, condition: Condition) -> pb.Condition:
        shown = self._shown.get(condition.finding.type)
        if shown is None or shown[0] is not condition:
            shown = self._shown[condition.finding.type] = condition, condition.to_proto()
        return shown[1]


#: Of a feed: it got no token, and is not connected for that.
FEED_REFUSED = "FEED_TOKEN_REFUSED"
#: What a feed that is not connected may follow from.
FEED_CAUSES = frozenset(
    {
        ConditionType.KEY_ACCEPTED,
        ConditionType.KEY_PERMITTED,
        ConditionType.NONCE_ACCEPTED,
        ConditionType.EXCHANGE_ANSWERS,
        ConditionType.RATE_FREE,
        ConditionType.FEED_FRESH,
    }
)


def first_that_matters(
    conditions: Iterable[pb.Condition], among: Container[str] = frozenset(ConditionType)
) -> pb.Condition | None:
    """The condition that an account's state is named by: of those that do not hold and matter, the one that
    ceased to hold first, which the later ones may follow from. ``among``: only of these types.

    A feed that got no token was cut by what calls find out only a moment later: that names the state.
    """
    lacking = [
        each
        for each in conditions
        if each.matters and each.status == pb.CONDITION_STATUS_FALSE and each.type in among
    ]
    causes = [each for each in lacking if each.type in FEED_CAUSES and each.reason != FEED_REFUSED]
    if causes:
        lacking = [each for each in lacking if each.reason != FEED_REFUSED]
    return min(lacking, key=lambda each: each.since.ToNanoseconds(), default=None)
