"""All that an account's process is given: one value, written by the supervisor and read by the process.

Secrets are not in it: ``Credentials`` travel by themselves over a pipe and never show in ``repr``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from krakencopy.account_proc.contract.loss_limits import LossLimit, Metric
from krakencopy.account_proc.contract.money import Money, in_names, share_or_money

#: The name whose grpc.health.v1 status is an account's readiness. The empty name says SERVING from the first
#: moment on, and means nothing.
SERVICE_NAME = "krakencopy.v1.AccountService"


#: The limit for a trade that the requirements set (docs/requirements.md), and the default of
#: ``copy.max_user_risk`` as well.
STRATEGY_RISK = Decimal("0.10")
#: The broker that our own client trades with, and whose accounts copy and are copied. All others are had over
#: ccxt.
KRAKEN = "kraken"
CCXT_PREFIX = "ccxt:"
#: A shorter line of a secret tells nothing, and may stand anywhere.
HIDDEN_LINE_MIN = 16


class Role(StrEnum):
    """What an account is for."""

    MASTER = "master"
    USER = "user"


class Tier(StrEnum):
    """Kraken: how far an account is verified, which sets its rate limits."""

    STARTER = "starter"
    INTERMEDIATE = "intermediate"
    PRO = "pro"
    #: A paper exchange that was set to keep no limits; not at Kraken.
    UNLIMITED = "unlimited"


class Sizing(StrEnum):
    """How a user's volume follows from the master's."""

    BALANCE_RATIO = "balance_ratio"  # master volume x user balance / master balance
    FIXED_RATIO = "fixed_ratio"  # master volume x ratio
    FIXED_NOTIONAL = "fixed_notional"  # the same notional for every master order


class OrderStyle(StrEnum):
    """How the user's entries are sent. Both are limit orders at the slippage bound, and what is not filled at
    once is cancelled: a market order cannot be bound (docs/decisions/0025). The two names are what
    configurations have.
    """

    MARKET = "market"
    LIMIT_IOC = "limit_ioc"


#: From which level on logs are written, where nobody asks for another one.
LOG_LEVEL = "INFO"


class BalanceBasis(StrEnum):
    """What "balance" means when a trade is scaled."""

    EQUITY = "equity"  # everything the account holds, in the pair's quote asset
    CASH = "cash"  # the free balance of the quote asset alone
    ALLOCATED = "allocated"  # what of the equity is set apart for copying


class OnJoin(StrEnum):
    """What a user that joins does about what the master holds by then."""

    FILLS_ONLY = "fills_only"  # nothing: it copies fills from then on
    SYNC = "sync"  # it buys its share at once
    SYNC_IF_NOT_WORSE = "sync_if_not_worse"  # only of coins that cost no more than the master has paid


class OnLeave(StrEnum):
    """What becomes of copied coins of a user that is taken out of the configuration."""

    KEEP = "keep"  # they stay, and its process ends
    CLOSE_ONLY = "close_only"  # they are sold as the master sells
    CLOSE_ALL = "close_all"  # they are sold at once


class OnDeposit(StrEnum):
    """What a deposit sets off."""

    NEXT_FILLS = "next_fills"  # nothing: the next fills are sized with it
    RESYNC = "resync"  # the user is brought to the master's positions, as by `krakencopy resync`


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRules:
    """How one user copies. Defaults as documented in the README."""

    sizing: Sizing = Sizing.BALANCE_RATIO
    balance: BalanceBasis = BalanceBasis.EQUITY
    #: For ``fixed_ratio``: user volume per master volume.
    ratio: Decimal | None = None
    #: For ``fixed_notional``: notional of the whole master order's copy, and the asset that it is an amount
    #: of. Without one it is an amount of the quote, where that is money (contract/amounts.py).
    notional: Decimal | None = None
    notional_asset: str = ""
    #: Share of the user's equity that the copy of one master order may cost; 0 < x <= 1.
    max_user_risk: Decimal = Decimal("0.10")
    order: OrderStyle = OrderStyle.MARKET
    #: How much worse than the master's price an entry may be bought, in 1/100 of a percent.
    max_slippage_bps: int = 50
    #: Older entries are skipped; exits never are.
    max_entry_age_s: float = 30.0
    #: Times what the sizing gives, before all caps.
    multiplier: Decimal = Decimal(1)
    #: The most that the copies of one order of the master may cost, beside ``max_user_risk``.
    max_order_notional: Money | None = None
    #: The most that the copied position in one coin may have cost or be worth; and as a share of the equity.
    max_position_notional: Money | None = None
    max_position_share: Decimal | None = None
    #: The most that all copied coins may be worth, with entries on their way and carried ones: a share of the
    #: equity, or money.
    max_gross_exposure: Decimal | Money | None = None
    #: How many coins may be copied at once.
    max_open_pairs: int | None = None
    #: The most that the entries of one UTC day may cost, and how many orders they may be.
    max_daily_notional: Money | None = None
    max_orders_per_day: int | None = None
    #: The copy of an order of the master that would come to less is not made.
    min_copy_notional: Money | None = None
    #: For ``allocated``: a share of the equity, or money. Never more than the equity is sized on.
    allocated_capital: Decimal | Money | None = None
    #: Patterns of pairs (contract/pair_patterns.py) whose entries are copied, all where there is none; and of
    #: those that are not.
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    #: What some pairs have in the place of the rules above, and caps beside them, by pattern and key.
    pairs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    #: What may be lost, and what is done then (contract/loss_limits.py); all hold.
    limits: tuple[LossLimit, ...] = ()

    #: In which pair copies are traded (``*/EUR``, ``BTC/EUR``), by a pattern of the pairs that the master
    #: trades.
    map: Mapping[str, str] = field(default_factory=dict)
    on_join: OnJoin = OnJoin.FILLS_ONLY
    on_leave: OnLeave = OnLeave.KEEP
    on_deposit: OnDeposit = OnDeposit.NEXT_FILLS

    def in_names(self, current: Callable[[str], str]) -> CopyRules:
        """The same with the names that coins have now, by their old ones."""
        renamed: dict[str, Any] = {
            key: in_names(value, current)
            for key in COPY_KEYS
            if isinstance(value := getattr(self, key), Money)
        }
        pairs = {
            pattern: {key: in_names(value, current) for key, value in values.items()}
            for pattern, values in self.pairs.items()
        }
        asset = current(self.notional_asset) if self.notional_asset else ""
        limits = tuple(limit.in_names(current) for limit in self.limits)
        return replace(self, notional_asset=asset, pairs=pairs, limits=limits, **renamed)

    def to_raw(self) -> dict[str, Any]:
        """What JSON is made of (``default=str``), without what is left to its default."""
        if self == _USUAL_RULES:
            return {}
        usual = asdict(_USUAL_RULES)
        return {key: value for key, value in asdict(self).items() if value != usual[key]}

    @classmethod
    def from_raw(cls, raw: Mapping[str, Any]) -> CopyRules:
        """Of what JSON makes of ``to_raw``. Raises KeyError, TypeError or ValueError on anything else."""
        return cls(**read_values(raw))


_USUAL_RULES = CopyRules()


def read_values(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Values of copy rules, as ``CopyRules.from_raw`` reads them."""
    return {key: None if value is None else COPY_KEYS[key](value) for key, value in raw.items()}


#: How the value of each key is read that is written as ``json.dumps(..., default=str)`` writes it.
COPY_KEYS: Mapping[str, Callable[[Any], Any]] = {
    "sizing": Sizing,
    "balance": BalanceBasis,
    "ratio": Decimal,
    "notional": Decimal,
    "notional_asset": str,
    "max_user_risk": Decimal,
    "order": OrderStyle,
    "max_slippage_bps": int,
    "max_entry_age_s": float,
    "multiplier": Decimal,
    "max_order_notional": Money.from_raw,
    "max_position_notional": Money.from_raw,
    "max_position_share": Decimal,
    "max_gross_exposure": share_or_money,
    "max_open_pairs": int,
    "max_daily_notional": Money.from_raw,
    "max_orders_per_day": int,
    "min_copy_notional": Money.from_raw,
    "allocated_capital": share_or_money,
    "include": tuple,
    "exclude": tuple,
    "pairs": lambda raw: {pattern: read_values(values) for pattern, values in raw.items()},
    "limits": lambda raw: tuple(map(LossLimit.from_raw, raw)),
    "map": dict,
    "on_join": OnJoin,
    "on_leave": OnLeave,
    "on_deposit": OnDeposit,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSpec:
    """One account's process: who it is, where its files are, whom it talks to."""

    id: str
    role: Role
    broker: str
    #: The supervisor's run; a process of another run is not listened to.
    epoch: int
    #: Unique for each start of a process.
    instance_id: str
    #: Empty at another broker whose API is where ccxt says it is.
    rest_url: str
    #: Kraken's only.
    ws_url: str
    #: Files of this account alone.
    nonce_path: Path
    socket_path: Path
    ledger_path: Path
    log_path: Path
    #: Where locks on API keys live, one place for each machine user.
    key_lock_dir: Path
    #: What operators have said about trading, of all accounts (runtime/trading_state_file.py).
    states_path: Path
    copy: CopyRules = field(default_factory=CopyRules)
    #: Name of the strategy that trades this account, if any, and its options.
    strategy: str | None = None
    strategy_options: Mapping[str, Any] = field(default_factory=dict)
    #: Share of the equity that the strategy's position in one pair may cost.
    strategy_risk: Decimal = STRATEGY_RISK
    #: The paper exchange needs no separation of nonces and answers at once; tests and `make run` use it.
    paper: bool = False
    #: So much of an asset is left out of the account's equity and cash, e.g. an old stock of coins.
    reserve: Mapping[str, Decimal] = field(default_factory=dict)
    #: Trade also with a key that could withdraw.
    allow_withdraw_key: bool = False
    #: How far the exchange's reads may trail behind its engine, in seconds.
    visibility_lag_s: float = 60.0
    #: Which rate limits hold for the account.
    tier: Tier = Tier.STARTER
    #: Whose state folder it is (contract/folder_owner.py), and whether a ledger that does not say so is taken
    #: over.
    owner: str = ""
    adopt_ledger: bool = False
    #: Of the state folder: what client order ids are made with.
    journal_id: str = ""
    #: How many users of one master share this machine with it: what can wait does so for longer where there
    #: are many (runtime/read_deferral.py).
    users: int = 1
    #: From which level on its log is written.
    log_level: str = LOG_LEVEL
    #: The group that the account is in; empty for none.
    group: str = ""
    #: What is counted for limits to the losses of all users together: measure and currency of each.
    totals: tuple[tuple[str, str], ...] = ()
    #: It decides, and sends nothing.
    shadow: bool = False
    #: The process only finds out whether the key is fit for the account, and ends.
    checks_key: bool = False

    @property
    def limits_by_flows(self) -> str:
        """Limits for which it must be known what comes in and goes out, in words; empty without any."""
        if self.role is not Role.USER:
            return ""
        named = [f"limit {limit.name}" for limit in self.copy.limits if limit.counts_flows]
        of_all = ["the limits of all users together"] * (str(Metric.EQUITY) in dict(self.totals))
        return ", ".join((*named, *of_all))

    def to_raw(self) -> dict[str, Any]:
        """What JSON is made of (``default=str``). What the copy rules leave to their defaults is not in it:
        there is little room on the way.
        """
        return {name: getattr(self, name) for name in self.__slots__} | {"copy": self.copy.to_raw()}

    def to_json(self) -> str:
        """The form in which it travels."""
        return json.dumps(self.to_raw(), default=str)

    @classmethod
    def from_json(cls, text: str) -> AccountSpec:
        """The inverse of ``to_json``. Raises KeyError, TypeError or ValueError on anything else."""
        return cls.from_raw(json.loads(text))

    @classmethod
    def from_raw(cls, raw: dict[str, Any]) -> AccountSpec:
        """As ``from_json``, of what JSON makes of the text; ``raw`` is used up."""
        copy = CopyRules.from_raw(raw.pop("copy"))
        paths = ("nonce_path", "socket_path", "ledger_path", "log_path", "key_lock_dir", "states_path")
        for name in paths:
            raw[name] = Path(raw[name])
        raw["role"] = Role(raw["role"])
        raw["strategy_risk"] = Decimal(raw["strategy_risk"])
        raw["reserve"] = {asset: Decimal(amount) for asset, amount in raw["reserve"].items()}
        raw["tier"] = Tier(raw["tier"])
        raw["totals"] = tuple((str(metric), str(currency)) for metric, currency in raw["totals"])
        return cls(copy=copy, **raw)


@dataclass(frozen=True, slots=True)
class Credentials:
    """An API key and its secret, and what only the supervisor and this process know. Shows none of it."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    #: Of one start: both ends of the account's socket prove to have it (contract/socket_handshake.py).
    link: str = field(default="", repr=False)

    @property
    def hidden(self) -> tuple[str, ...]:
        """Every text that must not show anywhere: a secret of several lines also line by line, and as
        ``repr`` writes it.
        """
        lines = tuple(line for line in self.secret.split("\n")[1:-1] if len(line) >= HIDDEN_LINE_MIN)
        return (
            self.secret,
            self.secret.encode("unicode_escape").decode(),
            *lines,
            self.key,
            *filter(None, [self.link]),
        )

    def __str__(self) -> str:
        return "Credentials(...)"
