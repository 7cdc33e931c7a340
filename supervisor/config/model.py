"""The configuration as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from krakencopy.account_proc.contract.loss_limits import LossLimit
from krakencopy.account_proc.contract.spec import STRATEGY_RISK, CopyRules, Role, Sizing, Tier
from krakencopy.supervisor.config.brokers import KRAKEN, variables_prefix
from krakencopy.supervisor.config.chain import Source
from krakencopy.supervisor.config.set_document import Place, Settings
from krakencopy.supervisor.config.toml_table import show
from krakencopy.supervisor.config.values import (
    Mode,
    PaperMarket,
)

# Kraken: REST and the private channels of WebSocket v2 (docs.kraken.com/api).
LIVE_REST_URL = "https://api.kraken.com"


LIVE_WS_URL = "wss://ws-auth.kraken.com/v2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeConfig:
    """Which exchange. Both URLs are None in paper mode when the supervisor is to start its own paper
    exchange.
    """

    mode: Mode
    rest_url: str | None
    ws_url: str | None
    #: How far reads may trail behind the engine, in seconds (seen at Kraken: up to 60; documented: nothing).
    visibility_lag_s: float = 60.0
    #: Of the paper exchange that the supervisor starts; it says nothing where there is none.
    market: PaperMarket = PaperMarket.SYNTHETIC

    @property
    def managed(self) -> bool:
        """Whether the supervisor starts a paper exchange of its own."""
        return self.mode is Mode.PAPER and self.rest_url is None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartupConfig:
    """Start order, in seconds."""

    #: Between the master's readiness and the first user's start.
    nonce_separation_s: float
    #: How long an account may take from its start to a healthy answer.
    health_timeout_s: float = 60.0


class CallerRole(StrEnum):
    """What somebody who calls the control API is, and so may do: see control/permissions.py."""

    #: Sees everything, changes nothing.
    VIEWER = "viewer"
    #: Starts, stops, halts and sells what copying bought.
    OPERATOR = "operator"
    #: Orders on the master.
    TRADER = "trader"
    #: All of it.
    ADMIN = "admin"
    #: The owner of one account, who sees and stops only that.
    OWNER = "owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlConfig:
    """Where the control API is served beside its Unix socket."""

    #: Address and port, by TLS; None: nowhere.
    listen: str | None = None
    #: Names and addresses by which clients dial, beside those that are known here.
    names: tuple[str, ...] = ()
    #: The operator's own, as written; all or none. Without them krakencopy has a CA of its own.
    certificate: str | None = None
    key: str | None = None
    client_ca: str | None = None

    @property
    def has_own_ca(self) -> bool:
        """Whether krakencopy makes the certificates."""
        return self.listen is not None and self.certificate is None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalConfig:
    """Who may call with a certificate of the operator's own CA."""

    #: A name in the certificate: of its SubjectAltName (DNS or URI), or the common name where it has none.
    name: str
    role: CallerRole
    #: Of an owner.
    account: str = ""


class AccountMode(StrEnum):
    """What a user does with what it decides."""

    TRADE = "trade"
    #: It sends nothing; its orders are filled by a model.
    SHADOW = "shadow"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountConfig:
    """One account as configured; a user's ``copy`` is complete, [copy] and the account's own rules merged."""

    id: str
    role: Role
    broker: str
    copy: CopyRules = field(default_factory=CopyRules)
    #: What trades the account by itself: a strategy's name, its options, and the share of the equity that
    #: its position in one pair may cost.
    strategy: str | None = None
    strategy_options: Mapping[str, Any] = field(default_factory=dict)
    strategy_risk: Decimal = STRATEGY_RISK
    #: As written: relative to the configuration's folder. At most one of the two; without either the
    #: environment has the key.
    credentials_file: str | None = None
    #: A program and its arguments, run without a shell; it prints key and secret.
    credentials_command: tuple[str, ...] | None = None
    #: Trade also with a key that could withdraw.
    allow_withdraw_key: bool = False
    #: So much of each asset is left out of its equity and cash.
    reserve: Mapping[str, Decimal] = field(default_factory=dict)
    #: Which of the exchange's rate limits hold for it.
    tier: Tier = Tier.STARTER
    #: Another broker's API at another place than its own; None: its own.
    broker_url: str | None = None
    #: The group that a user belongs to.
    group: str | None = None
    #: Whether it sends its orders.
    mode: AccountMode = AccountMode.TRADE

    @property
    def is_kraken(self) -> bool:
        """Whether it is traded by our own client and takes part in copying."""
        return self.broker == KRAKEN

    @property
    def is_shadow(self) -> bool:
        """Whether it decides and sends nothing."""
        return self.mode is AccountMode.SHADOW

    @property
    def copies(self) -> bool:
        """Whether it copies the master."""
        return self.is_kraken and self.role is Role.USER

    @property
    def credential_variables(self) -> tuple[str, str]:
        """Names of the environment variables that hold this account's key and secret."""
        owner = "MASTER" if self.role is Role.MASTER else f"USER_{self.id.upper().replace('-', '_')}"
        prefix = f"{variables_prefix(self.broker)}_{owner}_API"
        return f"{prefix}_KEY", f"{prefix}_SECRET"


@dataclass(frozen=True, slots=True)
class Written:
    """Which keys a configuration says itself, and does not leave to their defaults."""

    #: By account; the keys of its copy table as "copy.ratio".
    accounts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    #: By account, each key of its copy rules that somebody says, and who says the value that holds.
    rules: Mapping[str, Mapping[str, Source]] = field(default_factory=dict)
    #: What the file itself says, for who reads it again with other settings.
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    #: Values that were set while running and hold in the place of the file's, and why others have no effect.
    settings: Settings = field(default_factory=dict)
    without_effect: Mapping[Place, str] = field(default_factory=dict)
    #: By account, each effective rule that differs from what the file alone makes of it, with that value.
    file_values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration; accounts in the order of the file."""

    exchange: ExchangeConfig
    startup: StartupConfig
    #: The defaults of [copy]; each account's own are in ``AccountConfig.copy``.
    copy: CopyRules
    accounts: tuple[AccountConfig, ...]
    #: Where it was read from, for messages.
    source: str
    #: Ids of the groups that accounts may belong to, in the order of the file.
    groups: tuple[str, ...] = ()
    #: Limits to the losses of all users together.
    total_limits: tuple[LossLimit, ...] = ()
    #: Where the control API is served by TLS, and whose certificates are known there.
    control: ControlConfig = field(default_factory=ControlConfig)
    principals: tuple[PrincipalConfig, ...] = ()
    #: Folders with the keys of accounts that are configured over the API (config/credential_folders.py).
    credential_sources: tuple[str, ...] = ()
    #: For those who are shown where a value is from.
    written: Written = field(default_factory=Written)

    @property
    def master(self) -> AccountConfig:
        """The one account that is copied: Kraken's master."""
        return next(account for account in self.accounts if account.role is Role.MASTER and account.is_kraken)

    @property
    def users(self) -> tuple[AccountConfig, ...]:
        """The accounts that copy: Kraken's users."""
        return tuple(account for account in self.accounts if account.copies)

    @property
    def others(self) -> tuple[AccountConfig, ...]:
        """The accounts at other brokers, which neither copy nor are copied; masters first."""
        found = (account for account in self.accounts if not account.is_kraken)
        return tuple(sorted(found, key=lambda account: account.role is not Role.MASTER))

    @property
    def totals(self) -> tuple[tuple[str, str], ...]:
        """What each user counts for limits of all users together, by measure and currency."""
        found = ((str(limit.metric), limit.currency) for limit in self.total_limits)
        return tuple(dict.fromkeys(found))

    def members(self, group: str) -> tuple[str, ...]:
        """Ids of the accounts that belong to a group."""
        return tuple(account.id for account in self.accounts if account.group == group)

    @property
    def warnings(self) -> list[str]:
        """What can be run and is probably not meant, one line each."""
        bare = [
            f'{self.source}: {show(account.id)}: notional = "{account.copy.notional}" names no currency: it '
            "is taken as an amount of each "
            "pair's quote where that is money, and entries in other pairs are skipped; write notional = "
            '"50 USD"'
            for account in self.users
            if account.copy.sizing is Sizing.FIXED_NOTIONAL and not account.copy.notional_asset
        ]
        empty = [
            f"{self.source}: group {show(group)}: nobody belongs to it; write group = {show(group)} at an "
            "account"
            for group in self.groups
            if not self.members(group)
        ]
        idle = [
            f"{self.source}: {show(account.id)}: no strategy: it is connected and shown, and trades nothing "
            f"(nobody is copied at {account.broker})"
            for account in self.others
            if account.strategy is None
        ]
        return [*bare, *empty, *idle]
