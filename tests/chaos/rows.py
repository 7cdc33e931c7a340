"""The kinds of rows that a campaign writes down (records.py), as plain values: what was done to the system,
what the exchange saw, what the system says it did. Amounts are Decimal, times Unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.chaos.terms import ZERO


@dataclass(frozen=True, kw_only=True)
class UserTerms:
    """How one user was configured, and what it began with."""

    account: str
    usd: Decimal
    #: The user's own coins, by the exchange's asset id; never to be sold by copying. Money of other kinds
    #: than dollars as well.
    coins: dict[str, Decimal] = field(default_factory=dict)
    sizing: str = "balance_ratio"
    balance: str = "equity"
    ratio: Decimal = ZERO
    max_user_risk: Decimal = Decimal("0.10")
    order: str = "market"
    max_slippage_bps: int = 50
    max_entry_age_s: Decimal = Decimal(30)
    multiplier: Decimal = Decimal(1)
    #: By key: dollars, a share of the equity, or a number.
    caps: dict[str, Decimal] = field(default_factory=dict)
    #: Pairs whose entries are not copied.
    exclude: tuple[str, ...] = ()
    #: Limits to losses, as the configuration has them.
    loss_limits: tuple[str, ...] = ()

    @property
    def balances(self) -> dict[str, Decimal]:
        """What the user began with, by asset."""
        return {"ZUSD": self.usd, **self.coins}


@dataclass(frozen=True, kw_only=True)
class Request:
    """A private request as the exchange saw it. ``fault`` names what was injected into it."""

    n: int
    at: float
    account: str
    key_id: str
    method: str
    nonce: int
    cl_ord_id: str
    pair: str
    side: str
    volume: Decimal
    deadline: str
    outcome: str
    fault: str = ""
    #: Sent by an account's owner with a key of its own, beside the system.
    by_hand: bool = False


@dataclass(frozen=True, kw_only=True)
class Trade:
    """A fill as the exchange booked it; ``n`` is the exchange's order over all accounts."""

    n: int
    at: float
    account: str
    order_id: str
    exec_id: str
    cl_ord_id: str
    pair: str
    side: str
    price: Decimal
    volume: Decimal
    cost: Decimal
    fee: Decimal
    fee_asset: str = "ZUSD"


@dataclass(frozen=True, kw_only=True)
class Fill:
    """A fill of the master as the journal has it."""

    seq: int
    epoch: int
    exec_id: str
    order_id: str
    pair: str
    side: str
    price: Decimal
    volume: Decimal
    #: 0: it was not known, and so nobody may be sized by it.
    master_equity: Decimal
    master_cash: Decimal
    #: Before its order, and right before this execution.
    master_position_before: Decimal
    master_position: Decimal
    order_filled_before: Decimal
    executed_at: float
    journalled_at: float
    #: What the journal counts of the base coin, before and after this execution.
    journal_position: Decimal = ZERO
    journal_position_after: Decimal = ZERO
    #: As the journal has it: for what the trade history alone reported, nobody knows the coin of the fee.
    fee: Decimal = ZERO
    fee_coin: str = "USD"
    source: str = ""
    #: The exchange listed no such pair when it was journalled: balances are not guessed then, but read.
    pair_unknown: bool = False


@dataclass(frozen=True, kw_only=True)
class Copy:
    """One copy of one user, by the public API."""

    account: str
    copy_id: str
    seqs: tuple[int, ...]
    pair: str
    side: str
    state: str
    reason: str
    detail: str = ""
    planned: Decimal = ZERO
    ordered: Decimal = ZERO
    filled: Decimal = ZERO
    avg_price: Decimal = ZERO
    cl_ord_id: str = ""
    attempts: int = 0
    joined: str = ""
    carried_in: tuple[str, ...] = ()
    user_equity: Decimal = ZERO
    cap: str = ""
    decided_at: float = 0.0
    finished_at: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Injection:
    """Something that was done to the system. ``note`` says why it was not done, if it was not."""

    at: float
    round: int
    kind: str
    account: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    done: bool = True
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class FiredFault:
    """A fault of the exchange, with how often it fired."""

    kind: str
    account: str
    method: str
    set_at: float
    cleared_at: float
    fired: int


@dataclass(frozen=True, kw_only=True)
class Deposit:
    """Money or coins that came to an account (negative: went) beside its trades.

    ``asset`` may be a form; what is moved between forms is two rows of kind ``move``, a convert two of kind
    ``convert``.
    """

    at: float
    account: str
    asset: str
    amount: Decimal
    kind: str = "deposit"


@dataclass(frozen=True, kw_only=True)
class HandOrder:
    """An order that a user made by hand, beside the system, with a key of its own; what it holds is not
    there for copies.
    """

    at: float
    account: str
    order_id: str
    pair: str
    side: str
    volume: Decimal
    price: Decimal
    #: When it was cancelled; 0 while it rests.
    cancelled_at: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PriceSet:
    """The market of a pair from then on."""

    at: float
    pair: str
    bid: Decimal
    ask: Decimal


@dataclass(frozen=True, kw_only=True)
class ProcessSeen:
    """A process of an account, while it was seen. ``stopped``: it was under SIGSTOP at some time."""

    account: str
    pid: int
    epoch: int
    first_seen: float
    last_alive: float
    stopped: bool = False


@dataclass(frozen=True, kw_only=True)
class SupervisorSeen:
    """One run of the supervisor; ``ended`` is 0 while it runs, ``epoch`` while it has not been asked."""

    pid: int
    epoch: int
    started: float
    ended: float = 0.0
    #: As ``subprocess`` has it: negative for a signal.
    exit_code: int = 0
    last_words: str = ""


@dataclass(frozen=True, kw_only=True)
class Settled:
    """A moment at which everything had come to its end, with what accounts held and whether orders were
    open.
    """

    at: float
    #: Exchange fills up to here.
    trades: int
    balances: dict[str, dict[str, Decimal]]
    open_orders: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class StatesSaid:
    """What was said about trading from then on: all states that are not ACTIVE, by scope, and the number of
    the last order to flatten of each account. ``before``: nobody can have read it earlier; ``at``: it was
    durable.
    """

    before: float
    at: float
    version: int
    states: dict[str, str]
    flattens: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class StateKept:
    """When a process was first seen to say that it keeps to a version of that."""

    at: float
    account: str
    version: int
    pid: int


@dataclass(frozen=True, kw_only=True)
class LimitSeen:
    """When a hit of a user's limit to losses was seen first. ``hit_at``: by the user's process."""

    at: float
    account: str
    name: str
    hit_at: float
    action: str


@dataclass(frozen=True, kw_only=True)
class LimitReset:
    """A reset that was asked for, from when to when; one that was not done may have come all the same."""

    before: float
    at: float
    account: str
    name: str
    done: bool


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A line of a log that is an error."""

    account: str
    at: str
    message: str
    exception: str = ""
