"""What answers hold, with Python's types.

Made from the protos by tests/support/sdk.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from krakencopy.client.sdk.generated.enums import (
    AccessRole,
    AccountState,
    AuditKind,
    CancelOutcome,
    ChangeKind,
    ConditionStatus,
    ConfigAction,
    ConfigOwner,
    CopyFillOutcome,
    CopyMode,
    CopyState,
    CredentialKind,
    FillSource,
    FlattenState,
    LimitState,
    OrderOrigin,
    Role,
    RotationOutcome,
    Severity,
    Side,
    TradingMode,
    TradingState,
)
from krakencopy.client.sdk.value import Value
from krakencopy.v1 import access_pb2 as access
from krakencopy.v1 import audit_pb2 as audit
from krakencopy.v1 import configuration_pb2 as configuration
from krakencopy.v1 import control_pb2 as control
from krakencopy.v1 import types_pb2 as types


class ExchangeStatus(Value[control.ExchangeStatus]):
    """Where orders go."""

    __slots__ = ()

    @property
    def mode(self) -> str:
        """As text: "paper" or "live"."""
        return self.raw.mode

    @property
    def rest_url(self) -> str:
        """Base URL of the REST API."""
        return self.raw.rest_url

    @property
    def ws_url(self) -> str:
        """URL of the WebSocket v2 API."""
        return self.raw.ws_url


class Money(Value[types.Money]):
    """An amount of one asset."""

    __slots__ = ()

    @property
    def amount(self) -> Decimal:
        """Decimal string."""
        return self._sure_decimal("amount")

    @property
    def asset(self) -> str:
        """Asset name as Kraken displays it, e.g. "USD"."""
        return self.raw.asset


class NonceStatus(Value[types.NonceStatus]):
    """An account's nonce custody, as its own process sees it."""

    __slots__ = ()

    @property
    def path(self) -> str:
        """The file that holds the nonce and carries the lock."""
        return self.raw.path

    @property
    def last(self) -> int:
        """The last nonce that was handed out (microseconds since the Unix epoch, or more)."""
        return self.raw.last

    @property
    def reserved(self) -> int:
        """No nonce above this may be handed out before the file is written again."""
        return self.raw.reserved


class CopiedPosition(Value[types.CopiedPosition]):
    """What copying holds of one coin, in whatever pairs it was bought."""

    __slots__ = ()

    @property
    def pair(self) -> str:
        """The pair in which copying bought it last, e.g. "BTC/USD"; in which volume waits, where nothing is
        held. For a coin that came in by selling another one, the coin alone.
        """
        return self.raw.pair

    @property
    def volume(self) -> Decimal | None:
        """Held volume in units of the coin, net of fees that were taken in it and of what was spent of it for
        other coins.
        """
        return self._decimal("volume")

    @property
    def cost(self) -> Decimal | None:
        """What the held volume cost in the pair's quote, without fees. What was paid in other quotes is not
        in it: see `costs`.
        """
        return self._decimal("cost")

    @property
    def carried_buy(self) -> Decimal | None:
        """Volume that waits for the next buy of the coin, in all pairs."""
        return self._decimal("carried_buy")

    @property
    def carried_sell(self) -> Decimal | None:
        """Volume that waits for the next sell of the coin, in all pairs; when it is large enough, it is sold
        without waiting.
        """
        return self._decimal("carried_sell")

    @property
    def missing_volume(self) -> Decimal | None:
        """What should be there by copying and is not, in base: coins that were sold or withdrawn by hand.
        Empty while nothing is missing, or while nobody knows because the balance could not be read.
        """
        return self._decimal("missing_volume")

    @property
    def asset(self) -> str:
        """The coin, e.g. "BTC"."""
        return self.raw.asset

    @property
    def costs(self) -> tuple[Money, ...]:
        """What the held volume cost, without fees, in each quote that it was paid in."""
        return tuple(map(Money, self.raw.costs))

    @property
    def exit_owed(self) -> str:
        """How much of an exit could not leave so far and what is in its way, for people, e.g. "0.05 BTC, held
        by the account's own orders". It leaves by itself as soon as it can. Empty while nothing is in the
        way.
        """
        return self.raw.exit_owed


class Drift(Value[types.Drift]):
    """An order at the exchange that does not agree with what the account's ledger says of it."""

    __slots__ = ()

    @property
    def code(self) -> str:
        """ORDER_FOUND_LATE: an order that had been proven not to exist was there after all; what it filled
        now belongs to the copied position. ORDER_UNINTENDED: an order under an id of krakencopy's that this
        ledger never made, from before this process began. ORDER_MADE_ELSEWHERE: the same, made while this
        process runs. VOLUME_DIFFERS: an order of a copy ended with another volume than the copy.
        """
        return self.raw.code

    @property
    def order_id(self) -> str:
        """The exchange's order id."""
        return self.raw.order_id

    @property
    def cl_ord_id(self) -> str:
        """The client order id that it carries."""
        return self.raw.cl_ord_id

    @property
    def copy_id(self) -> str:
        """The copy that it belongs to; empty when there is none."""
        return self.raw.copy_id

    @property
    def message(self) -> str:
        """What it is about, for people, with what to do."""
        return self.raw.message

    @property
    def found_at(self) -> datetime | None:
        """When it was found."""
        return self._time("found_at")


class PairTerms(Value[types.PairTerms]):
    """What an account pays for its trades in a pair, in percent of the cost, and which orders the exchange
    takes.
    """

    __slots__ = ()

    @property
    def pair(self) -> str:
        """The pair, e.g. "BTC/USD"."""
        return self.raw.pair

    @property
    def maker_percent(self) -> Decimal | None:
        """For orders that rest first."""
        return self._decimal("maker_percent")

    @property
    def taker_percent(self) -> Decimal | None:
        """For orders that trade at once."""
        return self._decimal("taker_percent")

    @property
    def ordermin(self) -> Decimal | None:
        """Least volume of an order, in base."""
        return self._decimal("ordermin")

    @property
    def costmin(self) -> Decimal | None:
        """Least cost of an order, in quote."""
        return self._decimal("costmin")

    @property
    def tick_size(self) -> Decimal | None:
        """Prices are multiples of this, in quote."""
        return self._decimal("tick_size")

    @property
    def lot_decimals(self) -> int:
        """Decimals of a volume."""
        return self.raw.lot_decimals

    @property
    def status(self) -> str:
        """Kraken's word for what the pair takes now, e.g. "online" or "cancel_only"."""
        return self.raw.status


class Preflight(Value[types.Preflight]):
    """What was found out about an API key and its account before anything was traded with it."""

    __slots__ = ()

    @property
    def checked_at(self) -> datetime | None:
        """When it was found out."""
        return self._time("checked_at")

    @property
    def key_known(self) -> bool:
        """Whether the exchange showed what the key may do; if not, permissions, window, expiry and addresses
        are not known.
        """
        return self.raw.key_known

    @property
    def permissions(self) -> tuple[str, ...]:
        """What the key may do, in Kraken's names, e.g. "query-funds"."""
        return tuple(self.raw.permissions)

    @property
    def missing_permissions(self) -> tuple[str, ...]:
        """What this account needs and the key may not do."""
        return tuple(self.raw.missing_permissions)

    @property
    def nonce_window(self) -> int:
        """The key's nonce window, in units of its nonces; 0 is the safe setting."""
        return self.raw.nonce_window

    @property
    def valid_until(self) -> datetime | None:
        """When the key stops to work; absent for never."""
        return self._time("valid_until")

    @property
    def allowed_addresses(self) -> tuple[str, ...]:
        """Addresses from which the key works; empty for all."""
        return tuple(self.raw.allowed_addresses)

    @property
    def clock_offset_ms(self) -> int:
        """The exchange's clock minus this machine's, in milliseconds, to about a second."""
        return self.raw.clock_offset_ms

    @property
    def pairs(self) -> tuple[PairTerms, ...]:
        """What holds for the account in the pairs that it trades: its own fees, and the exchange's rules now."""
        return tuple(map(PairTerms, self.raw.pairs))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an operator should know, e.g. that the key may withdraw."""
        return tuple(self.raw.warnings)

    @property
    def account_number(self) -> str:
        """The account's own public number at the exchange, masked but for its end: the same for all of its
        keys. Empty where it is not shown.
        """
        return self.raw.account_number


class RateStatus(Value[types.RateStatus]):
    """How much of the exchange's rate limits an account has used, by its own count."""

    __slots__ = ()

    @property
    def tier(self) -> str:
        """The account's tier, e.g. "starter"."""
        return self.raw.tier

    @property
    def rest_counter(self) -> float:
        """The counter of REST calls now, and where the exchange begins to refuse."""
        return self.raw.rest_counter

    @property
    def rest_limit(self) -> float:
        """See `rest_counter`."""
        return self.raw.rest_limit

    @property
    def order_counter(self) -> float:
        """The fullest counter of orders of any pair now, and where the exchange begins to refuse."""
        return self.raw.order_counter

    @property
    def order_limit(self) -> float:
        """See `order_counter`."""
        return self.raw.order_limit

    @property
    def order_pair(self) -> str:
        """The pair of `order_counter`; empty while no pair has one."""
        return self.raw.order_pair

    @property
    def waiting(self) -> int:
        """Calls that wait for the counter now."""
        return self.raw.waiting

    @property
    def refused(self) -> int:
        """Refusals for the rate since the process started: should be 0."""
        return self.raw.refused


class ProcessEnd(Value[types.ProcessEnd]):
    """How a process of an account ended that no operator had asked to end."""

    __slots__ = ()

    @property
    def at(self) -> datetime:
        """When."""
        return self._sure_time("at")

    @property
    def pid(self) -> int:
        """Which process it was."""
        return self.raw.pid

    @property
    def instance_id(self) -> str:
        """Which start of it; the account's log carries it in each line."""
        return self.raw.instance_id

    @property
    def exit_code(self) -> int | None:
        """Its exit code; absent when a signal ended it, and when nobody saw how it ended."""
        return self._value("exit_code", int)

    @property
    def signal(self) -> str:
        """The signal that ended it, e.g. "SIGKILL"; empty when it ended by itself."""
        return self.raw.signal

    @property
    def killed_for(self) -> str:
        """A stable code for why the supervisor itself killed it, HUNG or START_TIMEOUT; empty when it did
        not.
        """
        return self.raw.killed_for

    @property
    def state(self) -> AccountState:
        """Where the account stood until then."""
        return AccountState(self.raw.state)

    @property
    def lived(self) -> timedelta | None:
        """How long the process had lived."""
        return self._duration("lived")

    @property
    def restarts(self) -> int:
        """Starts of the account's process since then."""
        return self.raw.restarts

    @property
    def output(self) -> tuple[str, ...]:
        """The last lines that it wrote to standard output and standard error: its sentence, or a traceback.
        Without control characters.
        """
        return tuple(self.raw.output)


class OwnPosition(Value[types.OwnPosition]):
    """What an account's own strategy bought and still holds, for one pair."""

    __slots__ = ()

    @property
    def pair(self) -> str:
        """The pair, e.g. "BTC/USD"."""
        return self.raw.pair

    @property
    def volume(self) -> Decimal:
        """Held volume in base, net of fees that were taken in base."""
        return self._sure_decimal("volume")

    @property
    def cost(self) -> Decimal:
        """What the held volume cost, in quote, without fees."""
        return self._sure_decimal("cost")


class StrategyStatus(Value[types.StrategyStatus]):
    """An account's own strategy, as its process sees it."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self.raw.name

    @property
    def on(self) -> bool:
        """Whether it trades at this moment."""
        return self.raw.on

    @property
    def failure(self) -> str:
        """Why it was switched off until the account is restarted: its own error; empty while it has none."""
        return self.raw.failure

    @property
    def last(self) -> str:
        """What it did last, for people."""
        return self.raw.last

    @property
    def orders_sent(self) -> int:
        """Orders that were sent for it since the process started."""
        return self.raw.orders_sent

    @property
    def positions(self) -> tuple[OwnPosition, ...]:
        """What it holds."""
        return tuple(map(OwnPosition, self.raw.positions))


class Notice(Value[types.Notice]):
    """What an operator should know about an account while it lasts, and that stops nothing."""

    __slots__ = ()

    @property
    def code(self) -> str:
        """UNKNOWN_PAIR: a trade in a pair that the exchange does not list; it is not copied. NOT_LISTED: a
        pair that is not listed any more and in which something is held. TRADE_UNREADABLE: a row of the trade
        history that cannot be read; it is not copied. BALANCE_UNREADABLE: how much is held of an asset is not
        known. ROW_UNREADABLE: another row of an answer. MARKET_REFUSED: the account may not trade in this
        pair. NO_PRICE: the exchange tells no price of an asset that is held; it counts for nothing in equity.
        """
        return self.raw.code

    @property
    def subject(self) -> str:
        """What it is about: a pair, an asset, the id of a trade or of an order. Empty where there is one of
        the code at a time.
        """
        return self.raw.subject

    @property
    def message(self) -> str:
        """The same for people, with what to do."""
        return self.raw.message

    @property
    def count(self) -> int:
        """How often it came up since the process started; 0 for one that lasts."""
        return self.raw.count

    @property
    def first_at(self) -> datetime | None:
        """When it came up first."""
        return self._time("first_at")

    @property
    def last_at(self) -> datetime | None:
        """When it came up last."""
        return self._time("last_at")


class Condition(Value[types.Condition]):
    """Something that an account needs, and whether it is there now. Every type is worded so that TRUE is
    well, as Kubernetes does.
    """

    __slots__ = ()

    @property
    def type(self) -> str:
        """Which one, e.g. "KEY_ACCEPTED"; all of them, with their reasons, are in docs/events.md."""
        return self.raw.type

    @property
    def status(self) -> ConditionStatus:
        """Whether it holds."""
        return ConditionStatus(self.raw.status)

    @property
    def reason(self) -> str:
        """While it does not hold: a stable code for the first, true cause, which is also the code of the
        event; "INVALID_KEY", not the lockout that came after. Else empty.
        """
        return self.raw.reason

    @property
    def message(self) -> str:
        """The same for people, with what to do."""
        return self.raw.message

    @property
    def since(self) -> datetime | None:
        """Since when it has this status."""
        return self._time("since")

    @property
    def changed_at(self) -> datetime | None:
        """When its reason or message changed last."""
        return self._time("changed_at")

    @property
    def data(self) -> Mapping[str, str]:
        """The same for programs, e.g. {"http_status": "503", "method": "Balance"}."""
        return MappingProxyType(dict(self.raw.data))

    @property
    def matters(self) -> bool:
        """Whether copying is held up while it does not hold: the account is then DEGRADED for this reason,
        and not ready.
        """
        return self.raw.matters


class AssetBalance(Value[types.AssetBalance]):
    """What an account holds of one asset."""

    __slots__ = ()

    @property
    def asset(self) -> str:
        """The asset, e.g. "BTC"; forms that no order takes have their own, e.g. "BTC.S"."""
        return self.raw.asset

    @property
    def volume(self) -> Decimal:
        """All of it: balances as they were read last, and what was traded since."""
        return self._sure_decimal("volume")

    @property
    def held(self) -> Decimal | None:
        """What open orders held of it when balances were read last; empty where nothing is known of that."""
        return self._decimal("held")


class EffectiveRule(Value[types.EffectiveRule]):
    """One of the rules that an account goes by."""

    __slots__ = ()

    @property
    def key(self) -> str:
        """The configuration's key, e.g. "copy.max_user_risk"."""
        return self.raw.key

    @property
    def value(self) -> str:
        """Its value, as the configuration would have it; empty where none is set."""
        return self.raw.value

    @property
    def source(self) -> str:
        """Where that is from: "account" (the account's own table), "group clients", "[copy]", "default", or
        the key that it follows, e.g. "copy.max_user_risk"; of a value that was set while running, "set for
        the account", "set for group clients" or "set for all"; of a list that several levels make, each of
        them.
        """
        return self.raw.source

    @property
    def file_value(self) -> str | None:
        """What the configuration file alone makes of it; absent where that is the same, empty where it is not
        set.
        """
        return self._value("file_value", str)


class TradingStateSetting(Value[types.TradingStateSetting]):
    """One trading state that was said, and is not ACTIVE."""

    __slots__ = ()

    @property
    def scope(self) -> str:
        """For whom: "all", "group:ID" or "account:ID"; "limit:NAME" for one that a limit of the account's has
        hit.
        """
        return self.raw.scope

    @property
    def state(self) -> TradingState:
        """Which."""
        return TradingState(self.raw.state)

    @property
    def by(self) -> str:
        """Who said so, e.g. "operator root"."""
        return self.raw.by

    @property
    def reason(self) -> str:
        """Why; empty where nobody said."""
        return self.raw.reason

    @property
    def at(self) -> datetime:
        """When."""
        return self._sure_time("at")


class Flatten(Value[types.Flatten]):
    """The last order to sell all that copying bought."""

    __slots__ = ()

    @property
    def number(self) -> int:
        """The version of the states that it was said with; grows with each in the state folder."""
        return self.raw.number

    @property
    def state(self) -> FlattenState:
        """How far it has come."""
        return FlattenState(self.raw.state)

    @property
    def by(self) -> str:
        """Who said so, and why."""
        return self.raw.by

    @property
    def reason(self) -> str:
        """Empty where nobody said."""
        return self.raw.reason

    @property
    def at(self) -> datetime:
        """When."""
        return self._sure_time("at")


class TradingStatus(Value[types.TradingStatus]):
    """What an account may trade now."""

    __slots__ = ()

    @property
    def state(self) -> TradingState:
        """The strictest of `settings`; ACTIVE without any."""
        return TradingState(self.raw.state)

    @property
    def settings(self) -> tuple[TradingStateSetting, ...]:
        """What was said for the account, its group and all."""
        return tuple(map(TradingStateSetting, self.raw.settings))

    @property
    def version(self) -> int:
        """The version of the states that its process has read and keeps to; -1 without a process."""
        return self.raw.version

    @property
    def flatten(self) -> Flatten | None:
        """The last one; absent where there was none."""
        return self._value("flatten", Flatten)

    @property
    def fault(self) -> str:
        """Why the states cannot be read, for people: then it is HALTED. Else empty."""
        return self.raw.fault


class LossLimit(Value[types.LossLimit]):
    """A limit to losses, of one account or of the sum of all users."""

    __slots__ = ()

    @property
    def account_id(self) -> str:
        """Whose; empty for the sum of all users."""
        return self.raw.account_id

    @property
    def name(self) -> str:
        """By which it is shown and reset."""
        return self.raw.name

    @property
    def metric(self) -> str:
        """What is measured: "equity" or "realised"."""
        return self.raw.metric

    @property
    def window(self) -> str:
        """Since when: "day", "week", "month", "quarter", "lifetime" or "trailing"."""
        return self.raw.window

    @property
    def action(self) -> str:
        """What is done when it is hit: "warn", "reducing", "halted" or "flatten"."""
        return self.raw.action

    @property
    def state(self) -> LimitState:
        """Where it stands."""
        return LimitState(self.raw.state)

    @property
    def since(self) -> datetime | None:
        """When the first values of its window were taken; absent before."""
        return self._time("since")

    @property
    def loss(self) -> str:
        """What is lost, as the limit is written: "12.50 USD" or "1.2%"; below 0 for what was won, empty where
        it is not known.
        """
        return self.raw.loss

    @property
    def max_loss(self) -> str:
        """The loss at which it is hit."""
        return self.raw.max_loss

    @property
    def used_percent(self) -> Decimal | None:
        """The share of it that is lost, in percent; empty where it is not known."""
        return self._decimal("used_percent")

    @property
    def warn_at_percent(self) -> Decimal | None:
        """At which share it warns, in percent."""
        return self._decimal("warn_at_percent")

    @property
    def hit_at(self) -> datetime | None:
        """When it was hit; absent where it was not."""
        return self._time("hit_at")

    @property
    def message(self) -> str:
        """For people: of a hit, what was lost of how much since when; else why it is not judged."""
        return self.raw.message

    @property
    def configured(self) -> bool:
        """False for one that was hit and is not configured any more: it holds until it is reset."""
        return self.raw.configured


class Account(Value[types.Account]):
    """One account under supervision."""

    __slots__ = ()

    @property
    def id(self) -> str:
        """The id from the configuration."""
        return self.raw.id

    @property
    def role(self) -> Role:
        """Master or user."""
        return Role(self.raw.role)

    @property
    def broker(self) -> str:
        """The broker, e.g. "kraken"."""
        return self.raw.broker

    @property
    def state(self) -> AccountState:
        """Where its process stands."""
        return AccountState(self.raw.state)

    @property
    def reason(self) -> str:
        """A stable code for why it stands there, e.g. "MASTER_NOT_READY"; empty when there is nothing to say."""
        return self.raw.reason

    @property
    def message(self) -> str:
        """The same for people, with what to do about it."""
        return self.raw.message

    @property
    def since(self) -> datetime | None:
        """Since when it is in this state."""
        return self._time("since")

    @property
    def pid(self) -> int:
        """Process id; 0 without a process."""
        return self.raw.pid

    @property
    def instance_id(self) -> str:
        """Changes with every start of the process."""
        return self.raw.instance_id

    @property
    def retry_at(self) -> datetime | None:
        """When a process in BACKOFF is started again."""
        return self._time("retry_at")

    @property
    def restarts(self) -> int:
        """Starts that nobody asked for, each after its process had ended by itself, since the supervisor
        started: none by an operator's start or restart, nor by a reload.
        """
        return self.raw.restarts

    @property
    def equity(self) -> Money | None:
        """Total equity as last known by the process."""
        return self._value("equity", Money)

    @property
    def nonce(self) -> NonceStatus | None:
        """Nonce custody as last known by the process."""
        return self._value("nonce", NonceStatus)

    @property
    def cursor_seq(self) -> int:
        """For users: the last fill that is durable in the user's own ledger."""
        return self.raw.cursor_seq

    @property
    def positions(self) -> tuple[CopiedPosition, ...]:
        """For users: positions that were built by copying."""
        return tuple(map(CopiedPosition, self.raw.positions))

    @property
    def feed_connected(self) -> bool:
        """Whether the account's live executions feed is connected and fresh."""
        return self.raw.feed_connected

    @property
    def copies_open(self) -> int:
        """For users: copies whose end is not known yet."""
        return self.raw.copies_open

    @property
    def copy_mode(self) -> CopyMode:
        """For users: whether fills are copied."""
        return CopyMode(self.raw.copy_mode)

    @property
    def drifts(self) -> tuple[Drift, ...]:
        """For users: where the ledger and the exchange's own record of orders disagree; found within the last
        24 hours.
        """
        return tuple(map(Drift, self.raw.drifts))

    @property
    def reconciled_at(self) -> datetime | None:
        """For users: when the ledger was last held against the exchange's record. A check that fails proves
        nothing and leaves this as it is.
        """
        return self._time("reconciled_at")

    @property
    def preflight(self) -> Preflight | None:
        """What was found out about the key before anything was traded; absent until then."""
        return self._value("preflight", Preflight)

    @property
    def rate(self) -> RateStatus | None:
        """The account's use of the exchange's rate limits; absent without a process."""
        return self._value("rate", RateStatus)

    @property
    def last_end(self) -> ProcessEnd | None:
        """How its process last ended when no operator had asked it to, also in earlier runs of the
        supervisor; absent if it never did.
        """
        return self._value("last_end", ProcessEnd)

    @property
    def trading_mode(self) -> TradingMode:
        """Who decides what the account trades; see the README for the rules."""
        return TradingMode(self.raw.trading_mode)

    @property
    def strategy(self) -> StrategyStatus | None:
        """The account's own strategy; absent without one, and without a process."""
        return self._value("strategy", StrategyStatus)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What an operator should know; each begins and ends with an event of its code. One that comes and
        goes is shown until it has not come up for a day.
        """
        return tuple(map(Notice, self.raw.notices))

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What it needs, and whether it is there: those of its process, and PROCESS_ALIVE, which the
        supervisor sees.
        """
        return tuple(map(Condition, self.raw.conditions))

    @property
    def balances(self) -> tuple[AssetBalance, ...]:
        """What it holds, by asset. Only of GetAccount, as are the next five. Without a process, or before it
        has reached the exchange: what the account's ledger has last kept.
        """
        return tuple(map(AssetBalance, self.raw.balances))

    @property
    def balances_at(self) -> datetime | None:
        """When balances were read at the exchange; absent where none are known."""
        return self._time("balances_at")

    @property
    def positions_at(self) -> datetime | None:
        """When its process ended that wrote `positions`, or last wrote them; absent where they are of now."""
        return self._time("positions_at")

    @property
    def ledger_fault(self) -> str:
        """Why its ledger could not be read, for people; positions and balances are then not known. Else
        empty.
        """
        return self.raw.ledger_fault

    @property
    def rules(self) -> tuple[EffectiveRule, ...]:
        """For users: the rules that it copies by, and what else it keeps to."""
        return tuple(map(EffectiveRule, self.raw.rules))

    @property
    def kept_pairs(self) -> tuple[PairTerms, ...]:
        """While `preflight` has none: the exchange's rules of the pairs of `positions`, as its ledger has
        kept them; fees are not known then.
        """
        return tuple(map(PairTerms, self.raw.kept_pairs))

    @property
    def trading(self) -> TradingStatus:
        """What it may trade now."""
        return TradingStatus(self.raw.trading)

    @property
    def limits(self) -> tuple[LossLimit, ...]:
        """For users: its limits to losses."""
        return tuple(map(LossLimit, self.raw.limits))

    @property
    def removed(self) -> bool:
        """True for one that is not configured any more and only finishes what is in flight: it takes no
        commands.
        """
        return self.raw.removed

    @property
    def group(self) -> str:
        """The group that it belongs to; empty for none."""
        return self.raw.group

    @property
    def settings_differ(self) -> int:
        """How many of its rules are not what the configuration file alone makes of them, as they were set
        while running.
        """
        return self.raw.settings_differ

    @property
    def leaving(self) -> str:
        """Where it was taken out of the configuration and stays until copying holds nothing of it
        (`on_leave`): since when and how, and what keeps it from selling now, for people; else empty.
        """
        return self.raw.leaving

    @property
    def shadow(self) -> bool:
        """Whether it is a shadow: it decides on what the account really has, and sends nothing. Its copies
        are filled by a model, and its positions are in no account at the exchange.
        """
        return self.raw.shadow

    @property
    def owner(self) -> ConfigOwner:
        """Who has configured it."""
        return ConfigOwner(self.raw.owner)


class CopyCounts(Value[control.CopyCounts]):
    """Copies by how they stand."""

    __slots__ = ()

    @property
    def filled(self) -> int:
        """Ended with the whole ordered volume filled."""
        return self.raw.filled

    @property
    def part_filled(self) -> int:
        """Ended with a part filled."""
        return self.raw.part_filled

    @property
    def rejected(self) -> int:
        """Refused by the exchange."""
        return self.raw.rejected

    @property
    def skipped(self) -> int:
        """Not copied, with a reason."""
        return self.raw.skipped

    @property
    def carried(self) -> int:
        """Too small alone; the volume waits or was ordered with a later fill."""
        return self.raw.carried

    @property
    def open(self) -> int:
        """The end is not known yet."""
        return self.raw.open

    @property
    def capped(self) -> int:
        """Of all sized entries: those where the risk cap cut the volume."""
        return self.raw.capped

    @property
    def sized_entries(self) -> int:
        """Entries that were sized and ordered (carried ones count with the copy that they joined)."""
        return self.raw.sized_entries


class Group(Value[control.Group]):
    """A group of accounts."""

    __slots__ = ()

    @property
    def id(self) -> str:
        """The id from the configuration."""
        return self.raw.id

    @property
    def account_ids(self) -> tuple[str, ...]:
        """The accounts that belong to it."""
        return tuple(self.raw.account_ids)

    @property
    def owner(self) -> ConfigOwner:
        """Who has configured it."""
        return ConfigOwner(self.raw.owner)


class KeptSetting(Value[control.KeptSetting]):
    """A value that was set while running and not taken back."""

    __slots__ = ()

    @property
    def target(self) -> str:
        """The account or group that it was set for; empty for all."""
        return self.raw.target

    @property
    def key(self) -> str:
        """The key of the copy rules, e.g. "max_user_risk"."""
        return self.raw.key

    @property
    def value(self) -> str:
        """The value as it was set."""
        return self.raw.value

    @property
    def set_by(self) -> str:
        """Who set it, in their own words."""
        return self.raw.set_by

    @property
    def set_at(self) -> datetime:
        """When."""
        return self._sure_time("set_at")

    @property
    def without_effect(self) -> str:
        """Why it has no effect now, for people; empty where it has."""
        return self.raw.without_effect


class GetStatusResponse(Value[control.GetStatusResponse]):
    """The whole system on one page."""

    __slots__ = ()

    @property
    def ready(self) -> bool:
        """True when the master and every user that should run are RUNNING."""
        return self.raw.ready

    @property
    def message(self) -> str:
        """Why not, for people; empty when ready."""
        return self.raw.message

    @property
    def version(self) -> str:
        """The supervisor's version."""
        return self.raw.version

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        return self.raw.pid

    @property
    def epoch(self) -> int:
        """The supervisor's run, from 1; grows with each start on the same state folder."""
        return self.raw.epoch

    @property
    def started_at(self) -> datetime:
        """When the supervisor started."""
        return self._sure_time("started_at")

    @property
    def exchange(self) -> ExchangeStatus:
        """Where orders go."""
        return ExchangeStatus(self.raw.exchange)

    @property
    def accounts(self) -> tuple[Account, ...]:
        """All accounts, the master first, then by id."""
        return tuple(map(Account, self.raw.accounts))

    @property
    def head_seq(self) -> int:
        """The journal's last fill."""
        return self.raw.head_seq

    @property
    def copies(self) -> CopyCounts:
        """What became of the fills, over all users."""
        return CopyCounts(self.raw.copies)

    @property
    def head_change(self) -> int:
        """The journal's last change of a copy: WatchCopies from here misses nothing."""
        return self.raw.head_change

    @property
    def head_event(self) -> int:
        """The journal's last event: WatchEvents from here misses nothing."""
        return self.raw.head_event

    @property
    def pairs(self) -> tuple[str, ...]:
        """The pairs of the fills in the journal, e.g. "BTC/USD", by name."""
        return tuple(self.raw.pairs)

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups of the configuration, in its order."""
        return tuple(map(Group, self.raw.groups))

    @property
    def settings(self) -> tuple[KeptSetting, ...]:
        """Values that were set while running, by target and key."""
        return tuple(map(KeptSetting, self.raw.settings))

    @property
    def shadow_copies(self) -> CopyCounts:
        """Those of shadows, which are not in `copies`."""
        return CopyCounts(self.raw.shadow_copies)


class GetAccountResponse(Value[control.GetAccountResponse]):
    """The account."""

    __slots__ = ()

    @property
    def account(self) -> Account:
        """The account."""
        return Account(self.raw.account)


class StartAccountResponse(Value[control.StartAccountResponse]):
    """The account as it stands right after."""

    __slots__ = ()

    @property
    def account(self) -> Account:
        """The account."""
        return Account(self.raw.account)


class StopAccountResponse(Value[control.StopAccountResponse]):
    """The account as it stands right after."""

    __slots__ = ()

    @property
    def account(self) -> Account:
        """The account."""
        return Account(self.raw.account)


class RestartAccountResponse(Value[control.RestartAccountResponse]):
    """The account as it stands right after."""

    __slots__ = ()

    @property
    def account(self) -> Account:
        """The account."""
        return Account(self.raw.account)


class PauseAccountResponse(Value[control.PauseAccountResponse]):
    """The account as it stands right after."""

    __slots__ = ()

    @property
    def account(self) -> Account:
        """The account."""
        return Account(self.raw.account)


class ResumeAccountResponse(Value[control.ResumeAccountResponse]):
    """The account as it stands right after."""

    __slots__ = ()

    @property
    def account(self) -> Account:
        """The account."""
        return Account(self.raw.account)


class TradingAcknowledgement(Value[control.TradingAcknowledgement]):
    """Whether an account keeps to what was said."""

    __slots__ = ()

    @property
    def account_id(self) -> str:
        """The account."""
        return self.raw.account_id

    @property
    def trading(self) -> TradingStatus:
        """What it may trade now, by all that was said."""
        return TradingStatus(self.raw.trading)

    @property
    def acknowledged(self) -> bool:
        """Whether no order can leave it against that: its process has said so, or there is none."""
        return self.raw.acknowledged

    @property
    def message(self) -> str:
        """What an operator should know: why it is not acknowledged, what else holds, or that there is no
        process.
        """
        return self.raw.message


class SetTradingStateResponse(Value[control.SetTradingStateResponse]):
    """What was said holds, durably."""

    __slots__ = ()

    @property
    def accounts(self) -> tuple[TradingAcknowledgement, ...]:
        """The accounts that it is about, in the order of ListAccounts."""
        return tuple(map(TradingAcknowledgement, self.raw.accounts))

    @property
    def version(self) -> int:
        """The version of the states that it made."""
        return self.raw.version


class FlattenPosition(Value[control.FlattenPosition]):
    """A coin that copying holds and that is to be sold."""

    __slots__ = ()

    @property
    def account_id(self) -> str:
        """Whose."""
        return self.raw.account_id

    @property
    def asset(self) -> str:
        """The coin."""
        return self.raw.asset

    @property
    def volume(self) -> Decimal | None:
        """How much, in the coin."""
        return self._decimal("volume")

    @property
    def pair(self) -> str:
        """In which pair it will be sold, as far as is known now."""
        return self.raw.pair

    @property
    def value(self) -> Money | None:
        """About what it is worth, in the pair's quote; absent where no price is known."""
        return self._value("value", Money)

    @property
    def message(self) -> str:
        """What an operator should know, e.g. that it is below the exchange's minimum."""
        return self.raw.message


class FlattenAccountsResponse(Value[control.FlattenAccountsResponse]):
    """What is to be sold."""

    __slots__ = ()

    @property
    def positions(self) -> tuple[FlattenPosition, ...]:
        """By account, then by coin."""
        return tuple(map(FlattenPosition, self.raw.positions))

    @property
    def accounts(self) -> tuple[TradingAcknowledgement, ...]:
        """As of SetTradingState; empty of a dry run."""
        return tuple(map(TradingAcknowledgement, self.raw.accounts))


class ListLimitsResponse(Value[control.ListLimitsResponse]):
    """Limits to losses."""

    __slots__ = ()

    @property
    def limits(self) -> tuple[LossLimit, ...]:
        """Those of the sum of all users first, then by account, in the order of the configuration."""
        return tuple(map(LossLimit, self.raw.limits))


class ResetLimitResponse(Value[control.ResetLimitResponse]):
    """It is durable."""

    __slots__ = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the limits that were reset."""
        return tuple(self.raw.names)


class SyncPosition(Value[types.SyncPosition]):
    """What a sync does about one coin."""

    __slots__ = ()

    @property
    def asset(self) -> str:
        """The coin."""
        return self.raw.asset

    @property
    def pair(self) -> str:
        """The pair that it would be bought or sold in."""
        return self.raw.pair

    @property
    def master_weight(self) -> Decimal | None:
        """The master's position in it, as a share of the master's equity; empty where that is not known."""
        return self._decimal("master_weight")

    @property
    def master_volume(self) -> Decimal | None:
        """The master's position, in the coin."""
        return self._decimal("master_volume")

    @property
    def target_volume(self) -> Decimal | None:
        """The user's share of it, in the coin, before all caps."""
        return self._decimal("target_volume")

    @property
    def held_volume(self) -> Decimal | None:
        """What copying holds of it."""
        return self._decimal("held_volume")

    @property
    def buy_volume(self) -> Decimal | None:
        """What is to be bought, in the coin; empty for nothing."""
        return self._decimal("buy_volume")

    @property
    def sell_volume(self) -> Decimal | None:
        """What is to be sold, in the coin; empty for nothing."""
        return self._decimal("sell_volume")

    @property
    def price(self) -> Decimal | None:
        """The price that this goes by, in the pair's quote; empty where it is not known."""
        return self._decimal("price")

    @property
    def reason(self) -> str:
        """Why, as a stable code, e.g. "SCALED", "CAPPED", "SYNC_WORSE"."""
        return self.raw.reason

    @property
    def cap(self) -> str:
        """The key of the cap that cuts it, or leaves nothing for it; empty for none."""
        return self.raw.cap

    @property
    def detail(self) -> str:
        """The same for people, with the numbers."""
        return self.raw.detail


class ResyncAccountResponse(Value[control.ResyncAccountResponse]):
    """What is planned."""

    __slots__ = ()

    @property
    def number(self) -> int:
        """The number of the sync, which its copies are found by ("s7.1", "s7.2"); 0 of a dry run."""
        return self.raw.number

    @property
    def as_of_seq(self) -> int:
        """The master's last fill, which the plan counts."""
        return self.raw.as_of_seq

    @property
    def positions(self) -> tuple[SyncPosition, ...]:
        """By coin, each after those before it; decided is it again when it is done. Empty where the request
        was answered before this run of the supervisor.
        """
        return tuple(map(SyncPosition, self.raw.positions))

    @property
    def notes(self) -> tuple[str, ...]:
        """What else there is to know, e.g. what of the master's is not synced, as the journal does not know
        it.
        """
        return tuple(self.raw.notes)

    @property
    def source(self) -> str:
        """Where its copies will say that they come from, e.g. "resync of 2026-11-29 12:03 UTC by olga"."""
        return self.raw.source


class RenameAssetResponse(Value[control.RenameAssetResponse]):
    """It is in the journal; each user follows when it is sent it."""

    __slots__ = ()

    @property
    def journal_position(self) -> Decimal | None:
        """How much of the coin the master's counted position is, under its new name."""
        return self._decimal("journal_position")


class NonceReport(Value[types.NonceReport]):
    """Everything that is known about the nonce of one account's API key."""

    __slots__ = ()

    @property
    def account_id(self) -> str:
        """The account."""
        return self.raw.account_id

    @property
    def path(self) -> str:
        """The file that holds the nonce and carries the lock."""
        return self.raw.path

    @property
    def last(self) -> int:
        """The last nonce that was handed out; 0 while no process runs."""
        return self.raw.last

    @property
    def reserved(self) -> int:
        """No nonce up to this is handed out again, whatever happens: what the file says."""
        return self.raw.reserved

    @property
    def ahead_us(self) -> int:
        """How far `last` (without a process: `reserved`) is ahead of this machine's clock, in microseconds;
        usually negative.
        """
        return self.raw.ahead_us

    @property
    def holder_pid(self) -> int:
        """The process that holds the lock, 0 for none."""
        return self.raw.holder_pid

    @property
    def exchange_known(self) -> bool:
        """Whether the exchange showed the key's nonce."""
        return self.raw.exchange_known

    @property
    def exchange_nonce(self) -> int:
        """The last nonce that the exchange accepted for this key."""
        return self.raw.exchange_nonce

    @property
    def exchange_window(self) -> int:
        """The key's nonce window at the exchange."""
        return self.raw.exchange_window

    @property
    def clock_offset_ms(self) -> int:
        """The exchange's clock minus this machine's, in milliseconds, to about a second; only with
        `exchange_known`.
        """
        return self.raw.clock_offset_ms

    @property
    def verdict(self) -> str:
        """OK, or why not, as a stable code: NONCE_BEHIND, NONCE_AHEAD, NONCE_WINDOW, FILE_DAMAGED,
        FILE_MISSING, NOT_ASKED.
        """
        return self.raw.verdict

    @property
    def message(self) -> str:
        """The same for people, with what to do about it."""
        return self.raw.message


class GetNonceResponse(Value[control.GetNonceResponse]):
    """The nonce of one account."""

    __slots__ = ()

    @property
    def report(self) -> NonceReport:
        """All that is known."""
        return NonceReport(self.raw.report)


class Fill(Value[types.Fill]):
    """One fill of the master account: one execution of one of its orders."""

    __slots__ = ()

    @property
    def seq(self) -> int:
        """Position in the journal, from 1, without gaps; 0 before it is journalled."""
        return self.raw.seq

    @property
    def epoch(self) -> int:
        """The supervisor's run in which it was journalled."""
        return self.raw.epoch

    @property
    def exec_id(self) -> str:
        """The exchange's id of this execution; a fill is counted once by it."""
        return self.raw.exec_id

    @property
    def order_id(self) -> str:
        """The exchange's id of the master's order."""
        return self.raw.order_id

    @property
    def pair(self) -> str:
        """The pair, e.g. "BTC/USD"."""
        return self.raw.pair

    @property
    def side(self) -> Side:
        """Bought or sold."""
        return Side(self.raw.side)

    @property
    def price(self) -> Decimal:
        """Price of this execution, in quote."""
        return self._sure_decimal("price")

    @property
    def volume(self) -> Decimal:
        """Volume of this execution, in base."""
        return self._sure_decimal("volume")

    @property
    def fee(self) -> Money | None:
        """Fee that the master paid."""
        return self._value("fee", Money)

    @property
    def master_equity(self) -> Decimal | None:
        """The master's total equity before its order, in the pair's quote asset; frozen at the order's first
        fill.
        """
        return self._decimal("master_equity")

    @property
    def master_position_before(self) -> Decimal | None:
        """The master's balance of the base asset before its order; frozen at the order's first fill."""
        return self._decimal("master_position_before")

    @property
    def order_filled_before(self) -> Decimal | None:
        """Volume of the same order that was filled before this execution, in base."""
        return self._decimal("order_filled_before")

    @property
    def margin(self) -> bool:
        """True for a margin trade; these are recorded and not copied."""
        return self.raw.margin

    @property
    def source(self) -> FillSource:
        """How the supervisor learned of it."""
        return FillSource(self.raw.source)

    @property
    def executed_at(self) -> datetime:
        """When the exchange executed it, by the exchange's clock."""
        return self._sure_time("executed_at")

    @property
    def received_at(self) -> datetime:
        """When the master's process received it."""
        return self._sure_time("received_at")

    @property
    def journalled_at(self) -> datetime:
        """When it became durable in the journal."""
        return self._sure_time("journalled_at")

    @property
    def master_cash(self) -> Decimal | None:
        """The master's free cash before its order, in the pair's quote asset; frozen at the order's first
        fill.
        """
        return self._decimal("master_cash")

    @property
    def marks(self) -> Mapping[str, Decimal]:
        """What the master's process held each asset to be worth, by asset, in the pair's quote asset. Users
        value their own holdings by the same prices.
        """
        return self._decimals("marks")

    @property
    def master_position(self) -> Decimal | None:
        """The master's balance of the base asset right before this execution, its own stock included."""
        return self._decimal("master_position")

    @property
    def journal_position(self) -> Decimal | None:
        """What the master had bought of the base coin since the journal began and still held right before
        this execution, in all pairs: less what it sold, spent as quote or paid as fees. What the sold
        fraction is a fraction of.
        """
        return self._decimal("journal_position")

    @property
    def journal_position_after(self) -> Decimal | None:
        """The same right after this execution."""
        return self._decimal("journal_position_after")

    @property
    def pair_unknown(self) -> bool:
        """Whether the exchange listed no such pair when it was journalled. Nobody buys it, and what the
        master held is given only as far as it is known.
        """
        return self.raw.pair_unknown

    @property
    def cl_ord_id(self) -> str:
        """The client order id that the master's order carried; empty for one without."""
        return self.raw.cl_ord_id

    @property
    def not_copied(self) -> str:
        """Why no user copies it, as a stable code; empty for a fill that is copied. SAME_ACCOUNT: the order
        is a copy of one of our own users, whose key belongs to the master's account.
        """
        return self.raw.not_copied


class WatchFillsResponse(Value[control.WatchFillsResponse]):
    """One fill."""

    __slots__ = ()

    @property
    def fill(self) -> Fill:
        """The fill."""
        return Fill(self.raw.fill)


class Copy(Value[types.Copy]):
    """What one user did about one or more fills of the master. Each fill is in exactly one copy of each user."""

    __slots__ = ()

    @property
    def account_id(self) -> str:
        """The user."""
        return self.raw.account_id

    @property
    def copy_id(self) -> str:
        """Unique for the user, and the same after a crash: it is made from the first fill's seq."""
        return self.raw.copy_id

    @property
    def fill_seqs(self) -> tuple[int, ...]:
        """The fills that this copy answers, ascending."""
        return tuple(self.raw.fill_seqs)

    @property
    def pair(self) -> str:
        """The pair, e.g. "BTC/USD"."""
        return self.raw.pair

    @property
    def side(self) -> Side:
        """Bought or sold."""
        return Side(self.raw.side)

    @property
    def state(self) -> CopyState:
        """Where it stands."""
        return CopyState(self.raw.state)

    @property
    def reason(self) -> str:
        """A stable code for how it got there, e.g. "SCALED", "CAPPED", "BELOW_ORDERMIN", "EOrder:Insufficient
        funds".
        """
        return self.raw.reason

    @property
    def detail(self) -> str:
        """The same for people, with the numbers."""
        return self.raw.detail

    @property
    def planned_volume(self) -> Decimal | None:
        """What the rules asked for before rounding and minimum, in base (what was carried in included)."""
        return self._decimal("planned_volume")

    @property
    def ordered_volume(self) -> Decimal | None:
        """What was ordered, in base."""
        return self._decimal("ordered_volume")

    @property
    def filled_volume(self) -> Decimal | None:
        """What was filled, in base."""
        return self._decimal("filled_volume")

    @property
    def avg_price(self) -> Decimal | None:
        """Volume-weighted price of the fills, in quote."""
        return self._decimal("avg_price")

    @property
    def fee(self) -> Money | None:
        """Fee that the user paid."""
        return self._value("fee", Money)

    @property
    def order_id(self) -> str:
        """The user's own order at the exchange."""
        return self.raw.order_id

    @property
    def cl_ord_id(self) -> str:
        """The id that the user's order carried; deterministic."""
        return self.raw.cl_ord_id

    @property
    def attempts(self) -> int:
        """Orders sent for this copy; more than 1 only after the earlier ones were proven not to exist."""
        return self.raw.attempts

    @property
    def joined_copy_id(self) -> str:
        """For a carried copy: the copy that its volume was ordered with."""
        return self.raw.joined_copy_id

    @property
    def carried_in(self) -> tuple[str, ...]:
        """For a copy that carried others in: their copy ids."""
        return tuple(self.raw.carried_in)

    @property
    def user_equity(self) -> Decimal | None:
        """The user's equity that the sizing used, in quote; of an entry with `balance = "allocated"`, as much
        of it as is allocated.
        """
        return self._decimal("user_equity")

    @property
    def revision(self) -> int:
        """Grows with every change of any copy of this user."""
        return self.raw.revision

    @property
    def received_at(self) -> datetime | None:
        """When the user's process received the first fill."""
        return self._time("received_at")

    @property
    def decided_at(self) -> datetime | None:
        """When the volume was decided."""
        return self._time("decided_at")

    @property
    def sent_at(self) -> datetime | None:
        """When the order was handed to the network."""
        return self._time("sent_at")

    @property
    def acknowledged_at(self) -> datetime | None:
        """When the exchange's answer arrived."""
        return self._time("acknowledged_at")

    @property
    def finished_at(self) -> datetime | None:
        """When the copy came to its end."""
        return self._time("finished_at")

    @property
    def fanned_out_at(self) -> datetime | None:
        """When the supervisor handed the first fill to this user."""
        return self._time("fanned_out_at")

    @property
    def cap(self) -> str:
        """The key of the cap that has cut this copy, or left nothing for it, e.g. "max_daily_notional"; empty
        for none.
        """
        return self.raw.cap

    @property
    def source(self) -> str:
        """What it follows from where that is no fill of the master: which sync, who asked for it, when and
        why; empty for all others.
        """
        return self.raw.source

    @property
    def master_pair(self) -> str:
        """The pair that the master traded, where `map` has the copy traded in another one; else empty."""
        return self.raw.master_pair

    @property
    def shadow(self) -> bool:
        """Whether it is a shadow's: nothing was sent, and what is filled, paid and won is a model's."""
        return self.raw.shadow


class WatchCopiesResponse(Value[control.WatchCopiesResponse]):
    """One change of one copy. Of several changes that happened before the call, only the last one of a copy
    is sent.
    """

    __slots__ = ()

    @property
    def change(self) -> int:
        """The number of the change, over all users."""
        return self.raw.change

    @property
    def copy(self) -> Copy:
        """The copy after it."""
        return Copy(self.raw.copy)


class FillOutcome(Value[control.FillOutcome]):
    """What one user made of one fill."""

    __slots__ = ()

    @property
    def account_id(self) -> str:
        """The user."""
        return self.raw.account_id

    @property
    def copy(self) -> Copy | None:
        """The copy that answers the fill; unset when the user has not reported one yet."""
        return self._value("copy", Copy)

    @property
    def joined(self) -> Copy | None:
        """When the copy was carried and then ordered with a later one: that copy."""
        return self._value("joined", Copy)

    @property
    def explanation(self) -> str:
        """In one sentence what happened and why."""
        return self.raw.explanation

    @property
    def latency(self) -> timedelta | None:
        """From the master's execution (received by its process) to the user's order leaving; unset when no
        order left.
        """
        return self._duration("latency")

    @property
    def joined_later(self) -> bool:
        """True for a fill from before this user joined, which it is not to copy."""
        return self.raw.joined_later

    @property
    def waits_for(self) -> str:
        """Where a user that has not answered stands, as a stable code: PAUSED, or the state of its account,
        e.g. "STOPPED". Empty for one that has.
        """
        return self.raw.waits_for


class ExplainFillResponse(Value[control.ExplainFillResponse]):
    """One fill and what became of it."""

    __slots__ = ()

    @property
    def fill(self) -> Fill:
        """The fill."""
        return Fill(self.raw.fill)

    @property
    def outcomes(self) -> tuple[FillOutcome, ...]:
        """One line for each user, then one for each that is not configured any more and has answered it."""
        return tuple(map(FillOutcome, self.raw.outcomes))


class CopyFillAnswer(Value[control.CopyFillAnswer]):
    """What one user made of it."""

    __slots__ = ()

    @property
    def account_id(self) -> str:
        """The user."""
        return self.raw.account_id

    @property
    def outcome(self) -> CopyFillOutcome:
        """In one word."""
        return CopyFillOutcome(self.raw.outcome)

    @property
    def copy(self) -> Copy | None:
        """The copy that answers the fill, as it was a moment after it was asked for; unset where there is
        none.
        """
        return self._value("copy", Copy)

    @property
    def reason(self) -> str:
        """A stable code for why it is not copied: a reason of copies, or of a refused call."""
        return self.raw.reason

    @property
    def message(self) -> str:
        """The same for people, or what became of it."""
        return self.raw.message


class CopyFillResponse(Value[control.CopyFillResponse]):
    """What came of it."""

    __slots__ = ()

    @property
    def fill(self) -> Fill:
        """The fill."""
        return Fill(self.raw.fill)

    @property
    def answers(self) -> tuple[CopyFillAnswer, ...]:
        """One for each user that was asked, in the order of the configuration."""
        return tuple(map(CopyFillAnswer, self.raw.answers))


class PlaceOrderResponse(Value[control.PlaceOrderResponse]):
    """The order as the exchange accepted it."""

    __slots__ = ()

    @property
    def order_id(self) -> str:
        """The exchange's order id; empty for an order that was only checked."""
        return self.raw.order_id

    @property
    def cl_ord_id(self) -> str:
        """The id that the order carried; empty for an order that was only checked."""
        return self.raw.cl_ord_id

    @property
    def description(self) -> str:
        """The exchange's description, e.g. "buy 0.00500000 XBTUSD @ market"."""
        return self.raw.description


class Order(Value[types.Order]):
    """An order of an account, as the exchange showed it when it was asked."""

    __slots__ = ()

    @property
    def account_id(self) -> str:
        """The account."""
        return self.raw.account_id

    @property
    def order_id(self) -> str:
        """The exchange's order id."""
        return self.raw.order_id

    @property
    def cl_ord_id(self) -> str:
        """The client order id that it carries; empty for none."""
        return self.raw.cl_ord_id

    @property
    def pair(self) -> str:
        """The pair, e.g. "BTC/USD"; as the exchange wrote it where it lists no such pair any more."""
        return self.raw.pair

    @property
    def side(self) -> Side:
        """Buy or sell."""
        return Side(self.raw.side)

    @property
    def type(self) -> str:
        """The exchange's word for its type, e.g. "limit", "stop-loss-limit"."""
        return self.raw.type

    @property
    def status(self) -> str:
        """The exchange's word for how it stands: "pending", "open", "closed" (filled), "canceled", "expired"."""
        return self.raw.status

    @property
    def price(self) -> str:
        """The limit price, or of a trigger its price; in quote, empty for none. May be relative, e.g. "+5%"."""
        return self.raw.price

    @property
    def price2(self) -> str:
        """The second price, e.g. the limit of a stop-loss-limit; empty for none."""
        return self.raw.price2

    @property
    def volume(self) -> Decimal | None:
        """Volume in base."""
        return self._decimal("volume")

    @property
    def filled_volume(self) -> Decimal | None:
        """What of it was filled, in base."""
        return self._decimal("filled_volume")

    @property
    def avg_price(self) -> Decimal | None:
        """Volume-weighted price of what was filled, in quote; empty before."""
        return self._decimal("avg_price")

    @property
    def opened_at(self) -> datetime | None:
        """When it was placed."""
        return self._time("opened_at")

    @property
    def closed_at(self) -> datetime | None:
        """When it was over; absent while it is not."""
        return self._time("closed_at")

    @property
    def expires_at(self) -> datetime | None:
        """When it ends by itself; absent for never."""
        return self._time("expires_at")

    @property
    def reason(self) -> str:
        """Why it was over before all of it was filled, in the exchange's words."""
        return self.raw.reason

    @property
    def description(self) -> str:
        """The exchange's description, e.g. "buy 0.00500000 XBTUSD @ limit 60000.0"."""
        return self.raw.description

    @property
    def close(self) -> str:
        """The order that the exchange places by itself for each fill of this one, in its words; empty for
        none.
        """
        return self.raw.close

    @property
    def origin(self) -> OrderOrigin:
        """Who placed it."""
        return OrderOrigin(self.raw.origin)

    @property
    def request_id(self) -> str:
        """The request, of an operator or a strategy, that it was placed for; empty for others."""
        return self.raw.request_id

    @property
    def in_quote(self) -> bool:
        """Whether its volumes are in quote: a purchase for an amount of money."""
        return self.raw.in_quote


class GetOrderResponse(Value[control.GetOrderResponse]):
    """The order."""

    __slots__ = ()

    @property
    def order(self) -> Order:
        """The order."""
        return Order(self.raw.order)


class CancelOrderResponse(Value[control.CancelOrderResponse]):
    """What became of it."""

    __slots__ = ()

    @property
    def outcome(self) -> CancelOutcome:
        """In short."""
        return CancelOutcome(self.raw.outcome)

    @property
    def order(self) -> Order:
        """The order as the exchange showed it right after; only its id where it did not. What was filled is
        copied as every fill is.
        """
        return Order(self.raw.order)


class CancelOrdersResponse(Value[control.CancelOrdersResponse]):
    """What became of them."""

    __slots__ = ()

    @property
    def cancelled(self) -> int:
        """Orders that the exchange has accepted the cancel of."""
        return self.raw.cancelled

    @property
    def already_over(self) -> int:
        """Orders that were over before their turn came; only where a pair or side was given."""
        return self.raw.already_over

    @property
    def left(self) -> int:
        """Orders that are still open, as far as is known."""
        return self.raw.left

    @property
    def message(self) -> str:
        """Why some are left, for people; empty when none is."""
        return self.raw.message


class Event(Value[types.Event]):
    """Something worth telling an operator."""

    __slots__ = ()

    @property
    def seq(self) -> int:
        """Position in the journal, from 1."""
        return self.raw.seq

    @property
    def at(self) -> datetime:
        """When it happened."""
        return self._sure_time("at")

    @property
    def severity(self) -> Severity:
        """How loud it is."""
        return Severity(self.raw.severity)

    @property
    def account_id(self) -> str:
        """The account it is about; empty when it is about the supervisor."""
        return self.raw.account_id

    @property
    def code(self) -> str:
        """A stable code, e.g. "ACCOUNT_STATE_CHANGED", "KRAKEN_USER_BLOCKED"."""
        return self.raw.code

    @property
    def message(self) -> str:
        """The same for people."""
        return self.raw.message

    @property
    def data(self) -> Mapping[str, str]:
        """The same for programs, e.g. {"pair": "BTC/USD", "count": "12"}."""
        return MappingProxyType(dict(self.raw.data))


class WatchEventsResponse(Value[control.WatchEventsResponse]):
    """One event."""

    __slots__ = ()

    @property
    def event(self) -> Event:
        """The event."""
        return Event(self.raw.event)


class ReadLogResponse(Value[control.ReadLogResponse]):
    """One line."""

    __slots__ = ()

    @property
    def line(self) -> str:
        """The line, a JSON object, without its newline."""
        return self.raw.line


class AccountReport(Value[control.AccountReport]):
    """What one user made of the fills. Each fill since it joined is in one of these: `fills` is the sum of
    the first six of `copies`, `merged` and `unanswered`.
    """

    __slots__ = ()

    @property
    def account_id(self) -> str:
        """The user."""
        return self.raw.account_id

    @property
    def copies(self) -> CopyCounts:
        """Copies by how they stand, as far as they answer fills."""
        return CopyCounts(self.raw.copies)

    @property
    def fills(self) -> int:
        """Fills since the user joined."""
        return self.raw.fills

    @property
    def unanswered(self) -> int:
        """Fills since the user joined that it has no copy for."""
        return self.raw.unanswered

    @property
    def reasons(self) -> Mapping[str, int]:
        """Skipped, rejected and carried copies by reason code."""
        return MappingProxyType(dict(self.raw.reasons))

    @property
    def bought(self) -> Mapping[str, Decimal]:
        """Bought by copying, in quote, by quote asset."""
        return self._decimals("bought")

    @property
    def sold(self) -> Mapping[str, Decimal]:
        """Sold by copying, in quote, by quote asset."""
        return self._decimals("sold")

    @property
    def fees(self) -> Mapping[str, Decimal]:
        """Fees paid by copying, by asset."""
        return self._decimals("fees")

    @property
    def latency_median(self) -> timedelta | None:
        """From the master's process receiving the fill to the user's order leaving: median."""
        return self._duration("latency_median")

    @property
    def latency_p99(self) -> timedelta | None:
        """The same: 99th percentile."""
        return self._duration("latency_p99")

    @property
    def removed(self) -> bool:
        """True for a user that is not configured any more. Its fills are counted up to the last one that it
        took.
        """
        return self.raw.removed

    @property
    def merged(self) -> int:
        """Fills that went with the order of another one, as they came while it had to wait: only the first
        fill of a copy is counted in `copies`.
        """
        return self.raw.merged

    @property
    def without_fill(self) -> CopyCounts:
        """Copies that answer no fill: exits that were owed and left later, syncs, orders that were found.
        They are not part of the sum.
        """
        return CopyCounts(self.raw.without_fill)

    @property
    def caps(self) -> Mapping[str, int]:
        """Copies that a cap has cut, or left nothing for, by the cap's key."""
        return MappingProxyType(dict(self.raw.caps))

    @property
    def shadow(self) -> bool:
        """Whether the user is a shadow: nothing of it was really traded."""
        return self.raw.shadow

    @property
    def sources(self) -> Mapping[str, int]:
        """Copies that follow from no fill, by what they follow from (`Copy.source`); of the last 20."""
        return MappingProxyType(dict(self.raw.sources))


class GetReportResponse(Value[control.GetReportResponse]):
    """What became of every fill at every user."""

    __slots__ = ()

    @property
    def fills(self) -> int:
        """How many fills the journal has."""
        return self.raw.fills

    @property
    def accounts(self) -> tuple[AccountReport, ...]:
        """One line for each user, then one for each that is not configured any more."""
        return tuple(map(AccountReport, self.raw.accounts))

    @property
    def unanswered(self) -> int:
        """How often a user has no answer to a fill yet, over all users."""
        return self.raw.unanswered

    @property
    def on_their_way(self) -> int:
        """Fills that some user has no answer to, or an answer without an end; each is counted once, however
        many users it waits for.
        """
        return self.raw.on_their_way

    @property
    def since(self) -> datetime | None:
        """As asked for: a server that does not know them reports on all fills, and leaves these out."""
        return self._time("since")

    @property
    def until(self) -> datetime | None:
        """The same."""
        return self._time("until")


class SettingChange(Value[control.SettingChange]):
    """A setting with another value. No secret is ever in it."""

    __slots__ = ()

    @property
    def key(self) -> str:
        """The key, e.g. "copy.max_user_risk" or "startup.health_timeout_s"."""
        return self.raw.key

    @property
    def old_value(self) -> str:
        """The value before, in words; empty when it was not set."""
        return self.raw.old_value

    @property
    def new_value(self) -> str:
        """The value from now on, in words; empty when it is not set any more."""
        return self.raw.new_value


class AccountChange(Value[control.AccountChange]):
    """What happens to one account."""

    __slots__ = ()

    @property
    def account_id(self) -> str:
        """The id from the configuration."""
        return self.raw.account_id

    @property
    def kind(self) -> ChangeKind:
        """What happens to it."""
        return ChangeKind(self.raw.kind)

    @property
    def settings(self) -> tuple[SettingChange, ...]:
        """For a changed account: its settings that are others now, what it has from [copy] included."""
        return tuple(map(SettingChange, self.raw.settings))

    @property
    def effect(self) -> str:
        """What follows, for people, e.g. "its process restarts"."""
        return self.raw.effect


class ReloadResponse(Value[control.ReloadResponse]):
    """What the new configuration changes. Nothing in it means that nothing has changed."""

    __slots__ = ()

    @property
    def applied(self) -> bool:
        """True when it was applied; false after a dry run."""
        return self.raw.applied

    @property
    def source(self) -> str:
        """The file that was read."""
        return self.raw.source

    @property
    def accounts(self) -> tuple[AccountChange, ...]:
        """Accounts that were added, removed or changed, in this order, each by id."""
        return tuple(map(AccountChange, self.raw.accounts))

    @property
    def settings(self) -> tuple[SettingChange, ...]:
        """Settings of the supervisor itself; these hold at once."""
        return tuple(map(SettingChange, self.raw.settings))

    @property
    def kept(self) -> tuple[str, ...]:
        """Values that were set while running: which differ from this file, and which it leaves without
        effect. For people, a line each.
        """
        return tuple(self.raw.kept)


class SetSettingsResponse(Value[control.SetSettingsResponse]):
    """What was changed. Nothing in it means that all of it was so already."""

    __slots__ = ()

    @property
    def applied(self) -> bool:
        """True when it was applied; false where it was only validated."""
        return self.raw.applied

    @property
    def settings(self) -> tuple[SettingChange, ...]:
        """The target's settings that are others now, by key; values as they were set, or as the file says
        them there.
        """
        return tuple(map(SettingChange, self.raw.settings))

    @property
    def accounts(self) -> tuple[AccountChange, ...]:
        """Accounts that go by other rules now."""
        return tuple(map(AccountChange, self.raw.accounts))

    @property
    def kept(self) -> tuple[str, ...]:
        """As of ReloadResponse."""
        return tuple(self.raw.kept)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What can be run so and is probably not meant, for people, a line each."""
        return tuple(self.raw.warnings)


class ShutdownResponse(Value[control.ShutdownResponse]):
    """The shutdown has begun."""

    __slots__ = ()


class AuditEntry(Value[audit.AuditEntry]):
    """One entry."""

    __slots__ = ()

    @property
    def number(self) -> int:
        """By one more than that of the entry before."""
        return self.raw.number

    @property
    def kind(self) -> AuditKind:
        """What it says."""
        return AuditKind(self.raw.kind)

    @property
    def at(self) -> datetime | None:
        """When it was made."""
        return self._time("at")

    @property
    def began(self) -> int:
        """The entry with which the call began; of one that says so, its own number."""
        return self.raw.began

    @property
    def method(self) -> str:
        """The RPC, e.g. "StopAccount"."""
        return self.raw.method

    @property
    def principal(self) -> str:
        """Who called."""
        return self.raw.principal

    @property
    def role(self) -> str:
        """In which role."""
        return self.raw.role

    @property
    def origin(self) -> str:
        """From where, e.g. "unix pid 4711"."""
        return self.raw.origin

    @property
    def request_id(self) -> str:
        """The request's."""
        return self.raw.request_id

    @property
    def account_ids(self) -> tuple[str, ...]:
        """Which accounts it was about: ids, "group:ID", "(all)", and where there were more than are named,
        how many.
        """
        return tuple(self.raw.account_ids)

    @property
    def asked(self) -> str:
        """What else was asked, as JSON; cut where it is long. Of a call that has ended it stands where it
        began.
        """
        return self.raw.asked

    @property
    def by(self) -> str:
        """The name that the request gave for who asks."""
        return self.raw.by

    @property
    def why(self) -> str:
        """Why, as the request says."""
        return self.raw.why

    @property
    def dry_run(self) -> bool:
        """Whether it was only asked what would be done."""
        return self.raw.dry_run

    @property
    def repeats(self) -> int:
        """The entry with which the first call of this request_id and content began; 0 for a first one."""
        return self.raw.repeats

    @property
    def before(self) -> Mapping[str, str]:
        """What changed, as it was before; of a call that only began, how the accounts stood."""
        return MappingProxyType(dict(self.raw.before))

    @property
    def after(self) -> Mapping[str, str]:
        """As it was afterwards, and what was done, e.g. the id of an order."""
        return MappingProxyType(dict(self.raw.after))

    @property
    def outcome(self) -> str:
        """The status: "OK", or a code of gRPC, e.g. "NOT_FOUND"; "UNKNOWN" with the reason "PROCESS_ENDED"
        where the supervisor ended before it was known. Empty while it is not known.
        """
        return self.raw.outcome

    @property
    def reason(self) -> str:
        """The stable reason of a refusal, e.g. "ACCOUNT_NOT_FOUND"."""
        return self.raw.reason

    @property
    def message(self) -> str:
        """The refusal for people."""
        return self.raw.message

    @property
    def took(self) -> timedelta | None:
        """From the beginning of the call to its outcome."""
        return self._duration("took")

    @property
    def hash(self) -> str:
        """SHA-256 over the entry, in hexadecimal; the next entry has it."""
        return self.raw.hash

    @property
    def line(self) -> str:
        """The entry's line as it stands in the log, where it was asked for."""
        return self.raw.line


class WatchAuditResponse(Value[audit.WatchAuditResponse]):
    """One entry."""

    __slots__ = ()

    @property
    def entry(self) -> AuditEntry | None:
        """The entry."""
        return self._value("entry", AuditEntry)


class AuditFinding(Value[audit.AuditFinding]):
    """Something that is wrong with the log."""

    __slots__ = ()

    @property
    def reason(self) -> str:
        """A stable code, e.g. "CHANGED" or "CUT"."""
        return self.raw.reason

    @property
    def message(self) -> str:
        """For people; names the entry."""
        return self.raw.message

    @property
    def number(self) -> int:
        """The entry; 0 where it has no number."""
        return self.raw.number

    @property
    def file(self) -> str:
        """The file."""
        return self.raw.file

    @property
    def line(self) -> int:
        """The line there, from 1."""
        return self.raw.line


class VerifyAuditResponse(Value[audit.VerifyAuditResponse]):
    """What was found."""

    __slots__ = ()

    @property
    def intact(self) -> bool:
        """Whether nothing was changed, removed, added or cut, as far as that can be seen."""
        return self.raw.intact

    @property
    def first_number(self) -> int:
        """The first entry that is there."""
        return self.raw.first_number

    @property
    def last_number(self) -> int:
        """The last one."""
        return self.raw.last_number

    @property
    def head(self) -> str:
        """Its hash: noted somewhere else, it shows later that nothing up to there was changed. Empty where it
        cannot be trusted.
        """
        return self.raw.head

    @property
    def files(self) -> int:
        """How many files there are."""
        return self.raw.files

    @property
    def recorded_number(self) -> int:
        """The entry up to which the journal knows the log."""
        return self.raw.recorded_number

    @property
    def findings(self) -> tuple[AuditFinding, ...]:
        """What is wrong, at most 20."""
        return tuple(map(AuditFinding, self.raw.findings))


class WhoAmIResponse(Value[access.WhoAmIResponse]):
    """Who the caller is to the supervisor."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """The name that is recorded with what the caller does."""
        return self.raw.name

    @property
    def role(self) -> AccessRole:
        """What the caller may do."""
        return AccessRole(self.raw.role)

    @property
    def account_id(self) -> str:
        """Of an owner: the account."""
        return self.raw.account_id

    @property
    def origin(self) -> str:
        """From where the call came, e.g. "unix pid 4711" or "tls 10.0.0.7:51234"."""
        return self.raw.origin

    @property
    def credential(self) -> str:
        """By what the caller is known, e.g. "token 4kq7zc2m"; empty for a process of the supervisor's
        machine.
        """
        return self.raw.credential

    @property
    def expires_at(self) -> datetime | None:
        """Until when; absent where it does not end."""
        return self._time("expires_at")

    @property
    def permissions(self) -> tuple[str, ...]:
        """The permissions of the role, e.g. "read"."""
        return tuple(self.raw.permissions)


class Credential(Value[access.Credential]):
    """By what somebody is known, and what that one may do. Neither a token's secret nor a key is in it."""

    __slots__ = ()

    @property
    def kind(self) -> CredentialKind:
        """What it is."""
        return CredentialKind(self.raw.kind)

    @property
    def id(self) -> str:
        """Of a token, the part behind "kct_"; of a certificate, the SHA-256 of it; of a name, the name."""
        return self.raw.id

    @property
    def name(self) -> str:
        """Who it is, for the record of what was done."""
        return self.raw.name

    @property
    def role(self) -> AccessRole:
        """What that one may do."""
        return AccessRole(self.raw.role)

    @property
    def account_id(self) -> str:
        """Of an owner: the account."""
        return self.raw.account_id

    @property
    def created_at(self) -> datetime | None:
        """When it was made."""
        return self._time("created_at")

    @property
    def created_by(self) -> str:
        """By whom."""
        return self.raw.created_by

    @property
    def expires_at(self) -> datetime | None:
        """From when on it is refused; absent for a name of the configuration."""
        return self._time("expires_at")

    @property
    def revoked_at(self) -> datetime | None:
        """Since when it is refused; absent unless somebody has revoked it."""
        return self._time("revoked_at")

    @property
    def revoked_by(self) -> str:
        """Who has revoked it."""
        return self.raw.revoked_by

    @property
    def last_used_at(self) -> datetime | None:
        """When it was last used, to about ten minutes; absent if it never was."""
        return self._time("last_used_at")


class CreateTokenResponse(Value[access.CreateTokenResponse]):
    """The token, which is shown this once and kept by nobody."""

    __slots__ = ()

    @property
    def credential(self) -> Credential | None:
        """What is kept of it."""
        return self._value("credential", Credential)

    @property
    def token(self) -> str:
        """As text: "kct_", its id, "_" and its secret."""
        return self.raw.token


class ListTokensResponse(Value[access.ListTokensResponse]):
    """All tokens."""

    __slots__ = ()

    @property
    def tokens(self) -> tuple[Credential, ...]:
        """The latest first; those that have ended are forgotten after 90 days."""
        return tuple(map(Credential, self.raw.tokens))


class RevokeTokenResponse(Value[access.RevokeTokenResponse]):
    """It is refused from now on."""

    __slots__ = ()

    @property
    def credential(self) -> Credential | None:
        """What is kept of it."""
        return self._value("credential", Credential)


class IssueCertificateResponse(Value[access.IssueCertificateResponse]):
    """The certificate."""

    __slots__ = ()

    @property
    def credential(self) -> Credential | None:
        """What is kept of it."""
        return self._value("credential", Credential)

    @property
    def certificate(self) -> str:
        """In PEM."""
        return self.raw.certificate

    @property
    def ca(self) -> str:
        """The CA that it is from, and the supervisor's own certificate as well, in PEM."""
        return self.raw.ca


class ListPrincipalsResponse(Value[access.ListPrincipalsResponse]):
    """All who may call from elsewhere."""

    __slots__ = ()

    @property
    def credentials(self) -> tuple[Credential, ...]:
        """Names of the configuration, then certificates, then tokens, the latest of each first; those that
        have ended are forgotten after 90 days.
        """
        return tuple(map(Credential, self.raw.credentials))


class RevokePrincipalResponse(Value[access.RevokePrincipalResponse]):
    """They are refused from now on."""

    __slots__ = ()

    @property
    def credentials(self) -> tuple[Credential, ...]:
        """What was revoked."""
        return tuple(map(Credential, self.raw.credentials))


class AccountConfig(Value[configuration.AccountConfig]):
    """An account as it is configured. Values are written as in the file, without the quotes of a text."""

    __slots__ = ()

    @property
    def account_id(self) -> str:
        """The id: 1 to 64 of a-z, 0-9, _ and -. It is for ever: the account's ledger has it."""
        return self.raw.account_id

    @property
    def broker(self) -> str:
        """Where it is; empty for "kraken". It cannot be changed."""
        return self.raw.broker

    @property
    def mode(self) -> str:
        """As text: "trade", also where it is empty, or "shadow". It cannot be changed: a ledger is a shadow's
        or never.
        """
        return self.raw.mode

    @property
    def group(self) -> str:
        """The group that it belongs to, the file's or the API's; empty for none."""
        return self.raw.group

    @property
    def tier(self) -> str:
        """Which of the exchange's rate limits hold for it, e.g. "pro"; empty for what the file's accounts
        have.
        """
        return self.raw.tier

    @property
    def credentials_file(self) -> str:
        """The file on the supervisor's machine that has key and secret, in one of the folders that the
        configuration permits; without a folder before it, in the state folder's `credentials`. Empty: the
        supervisor's environment has them.
        """
        return self.raw.credentials_file

    @property
    def copy(self) -> Mapping[str, str]:
        """Its own rules of copying, by key, as of SetSettings."""
        return MappingProxyType(dict(self.raw.copy))

    @property
    def reserve(self) -> Mapping[str, str]:
        """By asset, how much is left out of its equity and cash."""
        return MappingProxyType(dict(self.raw.reserve))

    @property
    def strategy(self) -> str:
        """The installed strategy that trades it by itself; empty for none."""
        return self.raw.strategy

    @property
    def strategy_risk(self) -> str:
        """Which share of its equity that strategy's position in one pair may cost."""
        return self.raw.strategy_risk

    @property
    def strategy_options(self) -> Mapping[str, str]:
        """Options of that strategy, by name."""
        return MappingProxyType(dict(self.raw.strategy_options))

    @property
    def owner(self) -> ConfigOwner:
        """Who has it; said in answers only, as all that follows."""
        return ConfigOwner(self.raw.owner)

    @property
    def role(self) -> str:
        """As text: "master" or "user"."""
        return self.raw.role

    @property
    def key_source(self) -> str:
        """Where its key is from, for people."""
        return self.raw.key_source

    @property
    def etag(self) -> str:
        """Of this very state of it: an update or a delete that gives it is refused where it is not current.
        Empty for one of the file.
        """
        return self.raw.etag

    @property
    def created_at(self) -> datetime | None:
        """When it was created, and last changed, over the API."""
        return self._time("created_at")

    @property
    def changed_at(self) -> datetime | None:
        """See `created_at`."""
        return self._time("changed_at")

    @property
    def changed_by(self) -> str:
        """Who changed it last."""
        return self.raw.changed_by

    @property
    def left_out(self) -> str:
        """Why it does not run although it is kept: it does not go together with the file as that is now."""
        return self.raw.left_out


class CreateAccountResponse(Value[control.CreateAccountResponse]):
    """What was created."""

    __slots__ = ()

    @property
    def account(self) -> AccountConfig:
        """As it is configured now; after `validate_only` as it would be."""
        return AccountConfig(self.raw.account)

    @property
    def applied(self) -> bool:
        """True when it was applied; false where it was only validated."""
        return self.raw.applied

    @property
    def accounts(self) -> tuple[AccountChange, ...]:
        """Accounts that were added, removed or changed by it, and what follows for their processes."""
        return tuple(map(AccountChange, self.raw.accounts))

    @property
    def kept(self) -> tuple[str, ...]:
        """As of ReloadResponse."""
        return tuple(self.raw.kept)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What can be run so and is probably not meant, for people, a line each."""
        return tuple(self.raw.warnings)


class UpdateAccountResponse(Value[control.UpdateAccountResponse]):
    """What was changed."""

    __slots__ = ()

    @property
    def account(self) -> AccountConfig:
        """As it is configured now; after `validate_only` as it would be."""
        return AccountConfig(self.raw.account)

    @property
    def applied(self) -> bool:
        """True when it was applied; false where it was only validated."""
        return self.raw.applied

    @property
    def accounts(self) -> tuple[AccountChange, ...]:
        """Accounts that were added, removed or changed by it, and what follows for their processes."""
        return tuple(map(AccountChange, self.raw.accounts))

    @property
    def kept(self) -> tuple[str, ...]:
        """As of ReloadResponse."""
        return tuple(self.raw.kept)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What can be run so and is probably not meant, for people, a line each."""
        return tuple(self.raw.warnings)


class DeleteAccountResponse(Value[control.DeleteAccountResponse]):
    """What was deleted."""

    __slots__ = ()

    @property
    def account(self) -> AccountConfig:
        """As it is configured now; after `validate_only` as it would be."""
        return AccountConfig(self.raw.account)

    @property
    def applied(self) -> bool:
        """True when it was applied; false where it was only validated."""
        return self.raw.applied

    @property
    def accounts(self) -> tuple[AccountChange, ...]:
        """Accounts that were added, removed or changed by it, and what follows for their processes."""
        return tuple(map(AccountChange, self.raw.accounts))

    @property
    def kept(self) -> tuple[str, ...]:
        """As of ReloadResponse."""
        return tuple(self.raw.kept)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What can be run so and is probably not meant, for people, a line each."""
        return tuple(self.raw.warnings)


class GetAccountConfigResponse(Value[configuration.GetAccountConfigResponse]):
    """The account, the file's or the API's."""

    __slots__ = ()

    @property
    def account(self) -> AccountConfig | None:
        """As it is configured."""
        return self._value("account", AccountConfig)


class GroupConfig(Value[configuration.GroupConfig]):
    """A group as it is configured."""

    __slots__ = ()

    @property
    def group_id(self) -> str:
        """The id, as of an account; no account has the same one."""
        return self.raw.group_id

    @property
    def copy(self) -> Mapping[str, str]:
        """Rules of copying that its members share, by key."""
        return MappingProxyType(dict(self.raw.copy))

    @property
    def owner(self) -> ConfigOwner:
        """Who has it; said in answers only, as all that follows."""
        return ConfigOwner(self.raw.owner)

    @property
    def account_ids(self) -> tuple[str, ...]:
        """The accounts that belong to it."""
        return tuple(self.raw.account_ids)

    @property
    def etag(self) -> str:
        """As of an account."""
        return self.raw.etag

    @property
    def created_at(self) -> datetime | None:
        """When it was created, and last changed, over the API."""
        return self._time("created_at")

    @property
    def changed_at(self) -> datetime | None:
        """See `created_at`."""
        return self._time("changed_at")

    @property
    def changed_by(self) -> str:
        """Who changed it last."""
        return self.raw.changed_by

    @property
    def left_out(self) -> str:
        """As of an account."""
        return self.raw.left_out


class CreateGroupResponse(Value[control.CreateGroupResponse]):
    """What was created."""

    __slots__ = ()

    @property
    def group(self) -> GroupConfig:
        """As it is configured now; after `validate_only` as it would be."""
        return GroupConfig(self.raw.group)

    @property
    def applied(self) -> bool:
        """True when it was applied; false where it was only validated."""
        return self.raw.applied

    @property
    def accounts(self) -> tuple[AccountChange, ...]:
        """Accounts that were added, removed or changed by it, and what follows for their processes."""
        return tuple(map(AccountChange, self.raw.accounts))

    @property
    def kept(self) -> tuple[str, ...]:
        """As of ReloadResponse."""
        return tuple(self.raw.kept)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What can be run so and is probably not meant, for people, a line each."""
        return tuple(self.raw.warnings)


class UpdateGroupResponse(Value[control.UpdateGroupResponse]):
    """What was changed."""

    __slots__ = ()

    @property
    def group(self) -> GroupConfig:
        """As it is configured now; after `validate_only` as it would be."""
        return GroupConfig(self.raw.group)

    @property
    def applied(self) -> bool:
        """True when it was applied; false where it was only validated."""
        return self.raw.applied

    @property
    def accounts(self) -> tuple[AccountChange, ...]:
        """Accounts that were added, removed or changed by it, and what follows for their processes."""
        return tuple(map(AccountChange, self.raw.accounts))

    @property
    def kept(self) -> tuple[str, ...]:
        """As of ReloadResponse."""
        return tuple(self.raw.kept)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What can be run so and is probably not meant, for people, a line each."""
        return tuple(self.raw.warnings)


class DeleteGroupResponse(Value[control.DeleteGroupResponse]):
    """What was deleted."""

    __slots__ = ()

    @property
    def group(self) -> GroupConfig:
        """As it is configured now; after `validate_only` as it would be."""
        return GroupConfig(self.raw.group)

    @property
    def applied(self) -> bool:
        """True when it was applied; false where it was only validated."""
        return self.raw.applied

    @property
    def accounts(self) -> tuple[AccountChange, ...]:
        """Accounts that were added, removed or changed by it, and what follows for their processes."""
        return tuple(map(AccountChange, self.raw.accounts))

    @property
    def kept(self) -> tuple[str, ...]:
        """As of ReloadResponse."""
        return tuple(self.raw.kept)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What can be run so and is probably not meant, for people, a line each."""
        return tuple(self.raw.warnings)


class ConfigChange(Value[configuration.ConfigChange]):
    """One change over the API. It is kept for ever."""

    __slots__ = ()

    @property
    def number(self) -> int:
        """Its number, from 1 without gaps."""
        return self.raw.number

    @property
    def is_group(self) -> bool:
        """Whether it is about a group; else about an account."""
        return self.raw.is_group

    @property
    def id(self) -> str:
        """The account or group."""
        return self.raw.id

    @property
    def action(self) -> ConfigAction:
        """What was done."""
        return ConfigAction(self.raw.action)

    @property
    def at(self) -> datetime | None:
        """When."""
        return self._time("at")

    @property
    def changed_by(self) -> str:
        """Who, in their own words."""
        return self.raw.changed_by

    @property
    def principal(self) -> str:
        """Who called, as the supervisor knows them."""
        return self.raw.principal

    @property
    def request_id(self) -> str:
        """The id of the request."""
        return self.raw.request_id

    @property
    def old_values(self) -> Mapping[str, str]:
        """The fields that differ, by path ("copy.max_user_risk"), with what they were. Of a key: its
        fingerprint.
        """
        return MappingProxyType(dict(self.raw.old_values))

    @property
    def new_values(self) -> Mapping[str, str]:
        """The same, with what they are."""
        return MappingProxyType(dict(self.raw.new_values))


class RotateCredentialsResponse(Value[configuration.RotateCredentialsResponse]):
    """What came of it."""

    __slots__ = ()

    @property
    def outcome(self) -> RotationOutcome:
        """What came of it."""
        return RotationOutcome(self.raw.outcome)

    @property
    def message(self) -> str:
        """For people: which key (by fingerprint), which account it opens, what becomes of the nonce."""
        return self.raw.message

    @property
    def account(self) -> Account | None:
        """The account as it stands now."""
        return self._value("account", Account)
