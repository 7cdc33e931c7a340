"""Values of account calls and what they hold. Made from the protos by tests/support/sdk.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from krakencopy.client.sdk.field import Field
from krakencopy.client.sdk.generated.enums import (
    AccountState,
    ConditionStatus,
    ConfigOwner,
    CopyMode,
    Role,
    TradingMode,
)
from krakencopy.client.sdk.generated.values.common import Money
from krakencopy.client.sdk.generated.values.key import NonceStatus, PairTerms, Preflight
from krakencopy.client.sdk.generated.values.limit import LossLimit
from krakencopy.client.sdk.generated.values.trading import TradingStatus
from krakencopy.client.sdk.value import Value
from krakencopy.v1 import control_pb2 as control
from krakencopy.v1 import types_pb2 as types


class CopiedPosition(Value[types.CopiedPosition]):
    """What copying holds of one coin, in whatever pairs it was bought."""

    pair: Field[str]
    """The pair in which copying bought it last, e.g. "BTC/USD"; in which volume waits, where nothing is held.
    For a coin that came in by selling another one, the coin alone.
    """
    volume: Field[Decimal | None]
    """Held volume in units of the coin, net of fees that were taken in it and of what was spent of it for
    other coins.
    """
    cost: Field[Decimal | None]
    """What the held volume cost in the pair's quote, without fees. What was paid in other quotes is not in
    it: see `costs`.
    """
    carried_buy: Field[Decimal | None]
    """Volume that waits for the next buy of the coin, in all pairs."""
    carried_sell: Field[Decimal | None]
    """Volume that waits for the next sell of the coin, in all pairs; when it is large enough, it is sold
    without waiting.
    """
    missing_volume: Field[Decimal | None]
    """What should be there by copying and is not, in base: coins that were sold or withdrawn by hand. Empty
    while nothing is missing, or while nobody knows because the balance could not be read.
    """
    asset: Field[str]
    """The coin, e.g. "BTC"."""
    costs: Field[tuple[Money, ...]]
    """What the held volume cost, without fees, in each quote that it was paid in."""
    exit_owed: Field[str]
    """How much of an exit could not leave so far and what is in its way, for people, e.g. "0.05 BTC, held by
    the account's own orders". It leaves by itself as soon as it can. Empty while nothing is in the way.
    """


class Drift(Value[types.Drift]):
    """An order at the exchange that does not agree with what the account's ledger says of it."""

    code: Field[str]
    """ORDER_FOUND_LATE: an order that had been proven not to exist was there after all; what it filled now
    belongs to the copied position. ORDER_UNINTENDED: an order under an id of krakencopy's that this ledger
    never made, from before this process began. ORDER_MADE_ELSEWHERE: the same, made while this process runs.
    VOLUME_DIFFERS: an order of a copy ended with another volume than the copy.
    """
    order_id: Field[str]
    """The exchange's order id."""
    cl_ord_id: Field[str]
    """The client order id that it carries."""
    copy_id: Field[str]
    """The copy that it belongs to; empty when there is none."""
    message: Field[str]
    """What it is about, for people, with what to do."""
    found_at: Field[datetime | None]
    """When it was found."""


class RateStatus(Value[types.RateStatus]):
    """How much of the exchange's rate limits an account has used, by its own count."""

    tier: Field[str]
    """The account's tier, e.g. "starter"."""
    rest_counter: Field[float]
    """The counter of REST calls now, and where the exchange begins to refuse."""
    rest_limit: Field[float]
    """See `rest_counter`."""
    order_counter: Field[float]
    """The fullest counter of orders of any pair now, and where the exchange begins to refuse."""
    order_limit: Field[float]
    """See `order_counter`."""
    order_pair: Field[str]
    """The pair of `order_counter`; empty while no pair has one."""
    waiting: Field[int]
    """Calls that wait for the counter now."""
    refused: Field[int]
    """Refusals for the rate since the process started: should be 0."""


class ProcessEnd(Value[types.ProcessEnd]):
    """How a process of an account ended that no operator had asked to end."""

    at: Field[datetime]
    """When."""
    pid: Field[int]
    """Which process it was."""
    instance_id: Field[str]
    """Which start of it; the account's log carries it in each line."""
    exit_code: Field[int | None]
    """Its exit code; absent when a signal ended it, and when nobody saw how it ended."""
    signal: Field[str]
    """The signal that ended it, e.g. "SIGKILL"; empty when it ended by itself."""
    killed_for: Field[str]
    """A stable code for why the supervisor itself killed it, HUNG or START_TIMEOUT; empty when it did not."""
    state: Field[AccountState]
    """Where the account stood until then."""
    lived: Field[timedelta | None]
    """How long the process had lived."""
    restarts: Field[int]
    """Starts of the account's process since then."""
    output: Field[tuple[str, ...]]
    """The last lines that it wrote to standard output and standard error: its sentence, or a traceback.
    Without control characters.
    """


class OwnPosition(Value[types.OwnPosition]):
    """What an account's own strategy bought and still holds, for one pair."""

    pair: Field[str]
    """The pair, e.g. "BTC/USD"."""
    volume: Field[Decimal]
    """Held volume in base, net of fees that were taken in base."""
    cost: Field[Decimal]
    """What the held volume cost, in quote, without fees."""


class StrategyStatus(Value[types.StrategyStatus]):
    """An account's own strategy, as its process sees it."""

    name: Field[str]
    """Its name in the configuration."""
    on: Field[bool]
    """Whether it trades at this moment."""
    failure: Field[str]
    """Why it was switched off until the account is restarted: its own error; empty while it has none."""
    last: Field[str]
    """What it did last, for people."""
    orders_sent: Field[int]
    """Orders that were sent for it since the process started."""
    positions: Field[tuple[OwnPosition, ...]]
    """What it holds."""


class Notice(Value[types.Notice]):
    """What an operator should know about an account while it lasts, and that stops nothing."""

    code: Field[str]
    """UNKNOWN_PAIR: a trade in a pair that the exchange does not list; it is not copied. NOT_LISTED: a pair
    that is not listed any more and in which something is held. TRADE_UNREADABLE: a row of the trade history
    that cannot be read; it is not copied. BALANCE_UNREADABLE: how much is held of an asset is not known.
    ROW_UNREADABLE: another row of an answer. MARKET_REFUSED: the account may not trade in this pair.
    NO_PRICE: the exchange tells no price of an asset that is held; it counts for nothing in equity.
    """
    subject: Field[str]
    """What it is about: a pair, an asset, the id of a trade or of an order. Empty where there is one of the
    code at a time.
    """
    message: Field[str]
    """The same for people, with what to do."""
    count: Field[int]
    """How often it came up since the process started; 0 for one that lasts."""
    first_at: Field[datetime | None]
    """When it came up first."""
    last_at: Field[datetime | None]
    """When it came up last."""


class Condition(Value[types.Condition]):
    """Something that an account needs, and whether it is there now. Every type is worded so that TRUE is
    well, as Kubernetes does.
    """

    type: Field[str]
    """Which one, e.g. "KEY_ACCEPTED"; all of them, with their reasons, are in docs/events.md."""
    status: Field[ConditionStatus]
    """Whether it holds."""
    reason: Field[str]
    """While it does not hold: a stable code for the first, true cause, which is also the code of the event;
    "INVALID_KEY", not the lockout that came after. Else empty.
    """
    message: Field[str]
    """The same for people, with what to do."""
    since: Field[datetime | None]
    """Since when it has this status."""
    changed_at: Field[datetime | None]
    """When its reason or message changed last."""
    data: Field[Mapping[str, str]]
    """The same for programs, e.g. {"http_status": "503", "method": "Balance"}."""
    matters: Field[bool]
    """Whether copying is held up while it does not hold: the account is then DEGRADED for this reason, and
    not ready.
    """


class AssetBalance(Value[types.AssetBalance]):
    """What an account holds of one asset."""

    asset: Field[str]
    """The asset, e.g. "BTC"; forms that no order takes have their own, e.g. "BTC.S"."""
    volume: Field[Decimal]
    """All of it: balances as they were read last, and what was traded since."""
    held: Field[Decimal | None]
    """What open orders held of it when balances were read last; empty where nothing is known of that."""


class EffectiveRule(Value[types.EffectiveRule]):
    """One of the rules that an account goes by."""

    key: Field[str]
    """The configuration's key, e.g. "copy.max_user_risk"."""
    value: Field[str]
    """Its value, as the configuration would have it; empty where none is set."""
    source: Field[str]
    """Where that is from: "account" (the account's own table), "group clients", "[copy]", "default", or the
    key that it follows, e.g. "copy.max_user_risk"; of a value that was set while running, "set for the
    account", "set for group clients" or "set for all"; of a list that several levels make, each of them.
    """
    file_value: Field[str | None]
    """What the configuration file alone makes of it; absent where that is the same, empty where it is not
    set.
    """


class Account(Value[types.Account]):
    """One account under supervision."""

    id: Field[str]
    """The id from the configuration."""
    role: Field[Role]
    """Master or user."""
    broker: Field[str]
    """The broker, e.g. "kraken"."""
    state: Field[AccountState]
    """Where its process stands."""
    reason: Field[str]
    """A stable code for why it stands there, e.g. "MASTER_NOT_READY"; empty when there is nothing to say."""
    message: Field[str]
    """The same for people, with what to do about it."""
    since: Field[datetime | None]
    """Since when it is in this state."""
    pid: Field[int]
    """Process id; 0 without a process."""
    instance_id: Field[str]
    """Changes with every start of the process."""
    retry_at: Field[datetime | None]
    """When a process in BACKOFF is started again."""
    restarts: Field[int]
    """Starts that nobody asked for, each after its process had ended by itself, since the supervisor started:
    none by an operator's start or restart, nor by a reload.
    """
    equity: Field[Money | None]
    """Total equity as last known by the process."""
    nonce: Field[NonceStatus | None]
    """Nonce custody as last known by the process."""
    cursor_seq: Field[int]
    """For users: the last fill that is durable in the user's own ledger."""
    positions: Field[tuple[CopiedPosition, ...]]
    """For users: positions that were built by copying."""
    feed_connected: Field[bool]
    """Whether the account's live executions feed is connected and fresh."""
    copies_open: Field[int]
    """For users: copies whose end is not known yet."""
    copy_mode: Field[CopyMode]
    """For users: whether fills are copied."""
    drifts: Field[tuple[Drift, ...]]
    """For users: where the ledger and the exchange's own record of orders disagree; found within the last 24
    hours.
    """
    reconciled_at: Field[datetime | None]
    """For users: when the ledger was last held against the exchange's record. A check that fails proves
    nothing and leaves this as it is.
    """
    preflight: Field[Preflight | None]
    """What was found out about the key before anything was traded; absent until then."""
    rate: Field[RateStatus | None]
    """The account's use of the exchange's rate limits; absent without a process."""
    last_end: Field[ProcessEnd | None]
    """How its process last ended when no operator had asked it to, also in earlier runs of the supervisor;
    absent if it never did.
    """
    trading_mode: Field[TradingMode]
    """Who decides what the account trades; see the README for the rules."""
    strategy: Field[StrategyStatus | None]
    """The account's own strategy; absent without one, and without a process."""
    notices: Field[tuple[Notice, ...]]
    """What an operator should know; each begins and ends with an event of its code. One that comes and goes
    is shown until it has not come up for a day.
    """
    conditions: Field[tuple[Condition, ...]]
    """What it needs, and whether it is there: those of its process, and PROCESS_ALIVE, which the supervisor
    sees.
    """
    balances: Field[tuple[AssetBalance, ...]]
    """What it holds, by asset. Only of GetAccount, as are the next five. Without a process, or before it has
    reached the exchange: what the account's ledger has last kept.
    """
    balances_at: Field[datetime | None]
    """When balances were read at the exchange; absent where none are known."""
    positions_at: Field[datetime | None]
    """When its process ended that wrote `positions`, or last wrote them; absent where they are of now."""
    ledger_fault: Field[str]
    """Why its ledger could not be read, for people; positions and balances are then not known. Else empty."""
    rules: Field[tuple[EffectiveRule, ...]]
    """For users: the rules that it copies by, and what else it keeps to."""
    kept_pairs: Field[tuple[PairTerms, ...]]
    """While `preflight` has none: the exchange's rules of the pairs of `positions`, as its ledger has kept
    them; fees are not known then.
    """
    trading: Field[TradingStatus]
    """What it may trade now."""
    limits: Field[tuple[LossLimit, ...]]
    """For users: its limits to losses."""
    removed: Field[bool]
    """True for one that is not configured any more and only finishes what is in flight: it takes no
    commands.
    """
    group: Field[str]
    """The group that it belongs to; empty for none."""
    settings_differ: Field[int]
    """How many of its rules are not what the configuration file alone makes of them, as they were set while
    running.
    """
    leaving: Field[str]
    """Where it was taken out of the configuration and stays until copying holds nothing of it (`on_leave`):
    since when and how, and what keeps it from selling now, for people; else empty.
    """
    shadow: Field[bool]
    """Whether it is a shadow: it decides on what the account really has, and sends nothing. Its copies are
    filled by a model, and its positions are in no account at the exchange.
    """
    owner: Field[ConfigOwner]
    """Who has configured it."""


class RenameAssetResponse(Value[control.RenameAssetResponse]):
    """It is in the journal; each user follows when it is sent it."""

    journal_position: Field[Decimal | None]
    """How much of the coin the master's counted position is, under its new name."""
