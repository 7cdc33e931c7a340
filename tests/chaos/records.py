"""What a campaign writes down. Validators judge these records afterwards and know nothing else; a record can
be kept as JSON lines and read back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, get_args, get_origin, get_type_hints

from tests.chaos.rows import (
    Copy,
    Deposit,
    Fill,
    FiredFault,
    HandOrder,
    Injection,
    LimitReset,
    LimitSeen,
    LogLine,
    PriceSet,
    ProcessSeen,
    Request,
    Settled,
    StateKept,
    StatesSaid,
    SupervisorSeen,
    Trade,
    UserTerms,
)


class _Owned(Protocol):
    @property
    def account(self) -> str: ...


Own = TypeVar("Own", bound=_Owned)


class _ByAccount(Generic[Own]):
    """Rows by account, as long as the list that they come from is the same and has not grown."""

    def __init__(self, rows: list[Own]) -> None:
        self._sorted: dict[str, list[Own]] = {}
        self._of = rows
        self._length = -1

    def of(self, account: str, rows: list[Own]) -> list[Own]:
        if rows is not self._of or len(rows) != self._length:
            self._of, self._length = rows, len(rows)
            self._sorted = {}
            for row in rows:
                self._sorted.setdefault(row.account, []).append(row)
        return self._sorted.get(account, [])


@dataclass(kw_only=True)
class Record:
    """Everything about one world."""

    journal_id: str = ""
    #: What the master began with, by asset.
    master: dict[str, Decimal] = field(default_factory=dict)
    users: list[UserTerms] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    injections: list[Injection] = field(default_factory=list)
    faults: list[FiredFault] = field(default_factory=list)
    deposits: list[Deposit] = field(default_factory=list)
    hand_orders: list[HandOrder] = field(default_factory=list)
    prices: list[PriceSet] = field(default_factory=list)
    processes: list[ProcessSeen] = field(default_factory=list)
    supervisors: list[SupervisorSeen] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    log_lines: list[LogLine] = field(default_factory=list)
    said: list[StatesSaid] = field(default_factory=list)
    kept: list[StateKept] = field(default_factory=list)
    limits_seen: list[LimitSeen] = field(default_factory=list)
    limit_resets: list[LimitReset] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._copies = _ByAccount[Copy](self.copies)
        self._trades = _ByAccount[Trade](self.trades)
        self._requests = _ByAccount[Request](self.requests)

    def copies_of(self, account: str) -> list[Copy]:
        """A user's copies."""
        return self._copies.of(account, self.copies)

    def trades_of(self, account: str) -> list[Trade]:
        """An account's fills; rows come in the exchange's order."""
        return self._trades.of(account, self.trades)

    def requests_of(self, account: str) -> list[Request]:
        """An account's requests, in order of arrival."""
        return self._requests.of(account, self.requests)

    def user(self, account: str) -> UserTerms:
        """A user's terms."""
        return next(user for user in self.users if user.account == account)

    def last_price(self, pair: str) -> tuple[Decimal, Decimal]:
        """The market of a pair as it was set last: bid and ask."""
        quote = next(quote for quote in reversed(self.prices) if quote.pair == pair)
        return quote.bid, quote.ask

    @property
    def clock_stepped(self) -> bool:
        """Whether the exchange's clock was set while this was recorded: processes go by it, so their times
        tell no order.
        """
        return any(blow.kind == "clock" and blow.done for blow in self.injections)

    def orders_by_hand(self, account: str) -> frozenset[str]:
        """The exchange's ids of orders that the account's owner made beside the system."""
        return frozenset(order.order_id for order in self.hand_orders if order.account == account)

    def faults_near(self, account: str, kinds: Iterable[str], since: float, until: float) -> bool:
        """Whether a fault of one of these kinds fired on the account (or anyone) about then."""
        wanted = set(kinds)
        return any(
            fault.fired
            and fault.kind in wanted
            and fault.account in {account, ""}
            and fault.set_at <= until
            and fault.cleared_at >= since
            for fault in self.faults
        )

    def keep(self, folder: Path) -> None:
        """Writes one file of JSON lines for each kind of row."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in get_type_hints(Record):
            kept = getattr(self, name)
            rows = kept if isinstance(kept, list) else [kept]
            lines = (json.dumps(asdict(row) if is_dataclass(row) else row, default=str) for row in rows)  # type: ignore[arg-type]  # a row is an instance
            (folder / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines))

    @classmethod
    def read(cls, folder: Path) -> Record:
        """The inverse of ``keep``."""
        record = cls()
        for name, hint in get_type_hints(cls).items():
            lines = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
            if get_origin(hint) is list:
                (kind,) = get_args(hint)
                setattr(record, name, [_row(kind, line) for line in lines])
            else:
                setattr(record, name, _value(hint, lines[0]))
        return record


Row = TypeVar("Row")


def _row(kind: type[Row], raw: Mapping[str, Any]) -> Row:
    hints = get_type_hints(kind)
    return kind(**{name: _value(hints[name], value) for name, value in raw.items()})


def _value(hint: Any, value: Any) -> Any:
    if hint is Decimal:
        return Decimal(value)
    if hint == dict[str, Decimal]:
        return {key: Decimal(amount) for key, amount in value.items()}
    if hint == dict[str, dict[str, Decimal]]:
        return {key: {name: Decimal(amount) for name, amount in row.items()} for key, row in value.items()}
    return tuple(value) if str(hint).startswith("tuple") else value


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that must not be."""

    validator: str
    text: str
    account: str = ""

    def __str__(self) -> str:
        where = f" {self.account}:" if self.account else ""
        return f"[{self.validator}]{where} {self.text}"
