"""The configuration file: TOML in, one frozen ``Config`` out, or every fault in it at once.

    [exchange]   mode = "live" | "paper" (needed); rest_url and ws_url together, only for tests;
                 visibility_lag_s = 60 (1 in paper mode); market = "synthetic" or "live" (prices of the
                 paper exchange)
    [startup]    nonce_separation_s = 5 (0 in paper mode), health_timeout_s = 60
    [copy]       defaults for every user: sizing, balance, ratio, notional, max_user_risk, order,
                 max_slippage_bps, max_entry_age_s, multiplier; caps: max_order_notional,
                 max_position_notional, max_position_share, max_gross_exposure, max_open_pairs,
                 max_daily_notional, max_orders_per_day, min_copy_notional; allocated_capital, with
                 balance = "allocated"; include = [...], exclude = [...]: patterns of pairs;
                 pairs = { "BTC/USD" = { ... } }: some of these keys for some pairs; with the defaults of
                 ``CopyRules``
    [[accounts]] id, role and broker (needed); credentials_file or credentials_command,
                 allow_withdraw_key = false, reserve = { BTC = "1.0" };
                 strategy with strategy_options = { ... } and strategy_risk = "0.10" (of a user: its
                 max_user_risk);
                 tier = "starter" | "intermediate" | "pro" at the exchange, "starter" ("pro" in paper mode);
                 for users copy = { the keys of [copy] }
                 at other brokers than Kraken (config/brokers.py) only id, role, broker, credentials_*,
                 strategy*, and broker_url, for tests and sandboxes; there may be one master at each

API keys never stand in it (config/credentials.py). It must not know processes, the exchange, or what a
strategy does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from krakencopy.account_proc.contract.spec import STRATEGY_RISK, CopyRules, Role, Tier
from krakencopy.account_proc.contract.strategies import installed
from krakencopy.supervisor.config.brokers import KRAKEN
from krakencopy.supervisor.config.copy_rules import NEEDS, check_pairs, copy_values
from krakencopy.supervisor.config.keys import ACCOUNT_KEYS, HOME_OF_KEY, KEYS
from krakencopy.supervisor.config.model import (
    LIVE_REST_URL,
    LIVE_WS_URL,
    AccountConfig,
    Config,
    ExchangeConfig,
    StartupConfig,
    Written,
)
from krakencopy.supervisor.config.toml_table import ConfigFault, ConfigFaults, Table, read_toml, show
from krakencopy.supervisor.config.values import (
    PAPER_STRATEGIES,
    Mode,
    PaperMarket,
    account_id,
    broker,
    broker_url,
    options_table,
    reserve_of,
    url,
)

__all__ = [
    "AccountConfig",
    "Config",
    "ConfigFault",
    "ConfigFaults",
    "ExchangeConfig",
    "Mode",
    "PaperMarket",
    "StartupConfig",
]

#: An hour: a user who waits longer has mistaken the unit.
SECONDS_MAX = 3600


def load(path: Path, strategies: Collection[str] | None = None) -> Config:
    """Read and check a configuration file. Raises ConfigFaults with all that is wrong with it."""
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        remedy = "name a file that this user can read with --config"
        raise ConfigFaults(
            [ConfigFault(str(path), "", f"cannot be read: {error.strerror}", remedy)]
        ) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigFaults(
            [ConfigFault(str(path), f"line {line}", "not UTF-8", "save the file as UTF-8")]
        ) from None
    return parse(text, str(path), strategies)


def parse(text: str, source: str, strategies: Collection[str] | None = None) -> Config:
    """Check a configuration's text. Raises ConfigFaults with all that is wrong; ``source`` names it there.

    ``strategies``: the names that are known; those that are installed by default.
    """
    reading = _Reading(source, installed().keys() if strategies is None else strategies)
    config = reading.config(read_toml(text, source))
    if reading.faults or config is None:
        raise ConfigFaults(reading.faults)
    return config


class _Reading:
    """One pass over one document: values that could be read, faults of the rest."""

    def __init__(self, source: str, strategies: Collection[str]) -> None:
        self._source = source
        self._strategies = strategies
        self.faults: list[ConfigFault] = []
        self._written: dict[str, frozenset[str]] = {}

    def _report(self, where: str, problem: str, remedy: str) -> None:
        self.faults.append(ConfigFault(self._source, where, problem, remedy))

    def _table(self, raw: Mapping[str, Any], where: str, known: Collection[str]) -> Table:
        return Table(raw, where, self._report, known, HOME_OF_KEY)

    def _section(self, root: Table, name: str) -> Table:
        remedy = f"write [{name}] with its keys on the lines below"
        return self._table(root.table(name, remedy) or {}, name, KEYS[name])

    def config(self, raw: Mapping[str, Any]) -> Config | None:
        """The configuration; None, with at least one fault, when a needed part is missing."""
        root = self._table(raw, "", KEYS.keys())
        exchange = self._exchange(self._section(root, "exchange"))
        startup = self._startup(self._section(root, "startup"), exchange)
        copy_table = self._section(root, "copy")
        rules = self._complete(copy_table, CopyRules(), own=True)
        accounts = self._accounts(root, rules, exchange)
        if exchange is None:
            return None
        return Config(
            exchange=exchange, startup=startup, copy=rules, accounts=accounts, source=self._source,
            written=Written(copy_table.keys, self._written),
        )  # fmt: skip

    def _exchange(self, table: Table) -> ExchangeConfig | None:
        if not table.has("mode"):
            table.fault("mode", "missing", 'write mode = "live" (real money) or mode = "paper"')
        mode = table.choice("mode", Mode)
        urls = [url(table, "rest_url", "http", mode), url(table, "ws_url", "ws", mode)]
        if table.has("rest_url") != table.has("ws_url"):
            missing = "ws_url" if table.has("rest_url") else "rest_url"
            table.fault(missing, "missing", "give both URLs, of the same exchange, or none")
        if mode is None:
            return None
        if mode is Mode.LIVE and not table.has("rest_url"):
            urls = [LIVE_REST_URL, LIVE_WS_URL]
        lag = table.number(
            "visibility_lag_s",
            lambda s: 0 < s <= SECONDS_MAX,
            f"write seconds over 0 and up to {SECONDS_MAX}, such as 60: reads are never assumed to be up to "
            "date",
            quoted=False,
        )
        market = table.choice("market", PaperMarket)
        if mode is Mode.LIVE and table.has("market"):
            table.fault("market", 'does nothing with mode = "live"', 'take it out, or write mode = "paper"')
        elif table.has("market") and (table.has("rest_url") or table.has("ws_url")):
            table.fault(
                "market", "does nothing with URLs: that exchange has its own prices", "take out either"
            )
        usual_s = 1.0 if mode is Mode.PAPER else 60.0
        return ExchangeConfig(
            mode=mode,
            rest_url=urls[0],
            ws_url=urls[1],
            visibility_lag_s=usual_s if lag is None else float(lag),
            market=market or PaperMarket.SYNTHETIC,
        )

    def _startup(self, table: Table, exchange: ExchangeConfig | None) -> StartupConfig:
        separation = table.number(
            "nonce_separation_s",
            lambda s: 0 <= s <= SECONDS_MAX,
            f"write seconds from 0 to {SECONDS_MAX}, such as 5",
            quoted=False,
        )
        timeout = table.number(
            "health_timeout_s",
            lambda s: 0 < s <= SECONDS_MAX,
            f"write seconds over 0 and up to {SECONDS_MAX}, such as 60",
            quoted=False,
        )
        # The paper exchange keeps nonces by key; only Kraken's start order (docs/requirements.md, 3A) waits
        # between master and users.
        usual_s = 0.0 if exchange is not None and exchange.mode is Mode.PAPER else 5.0
        startup = StartupConfig(nonce_separation_s=usual_s if separation is None else float(separation))
        return startup if timeout is None else replace(startup, health_timeout_s=float(timeout))

    def _complete(self, table: Table, base: CopyRules, *, own: bool) -> CopyRules:
        """``base`` with what the table says. ``own``: the table is [copy] itself, not an account's."""
        values = copy_values(table)
        rules = replace(base, **values)
        if table.has("sizing") and "sizing" not in values:
            return rules  # which of the others it needs is unknown
        check_pairs(table, rules)
        for by, choice, key in NEEDS:
            if getattr(rules, by) is choice:
                # A fault of [copy] itself is reported there, once.
                reported = table.has(key) or (getattr(base, by) is choice and not own)
                if getattr(rules, key) is None and not reported:
                    table.fault(key, f'missing, and {by} = "{choice}" needs it', f'write {key} = "..."')
            elif key in values and not own:
                table.fault(
                    key, f'does nothing with {by} = "{getattr(rules, by)}"', f'write {by} = "{choice}" too'
                )
        return rules

    def _accounts(
        self, root: Table, rules: CopyRules, exchange: ExchangeConfig | None
    ) -> tuple[AccountConfig, ...]:
        how = "write [[accounts]] with id, role and broker below, once for each account"
        raw = root.tables("accounts", how)
        if raw is None:
            return ()
        if not raw:
            root.fault("accounts", "no accounts", how)
        accounts: list[AccountConfig] = []
        seen: list[_Seen] = []
        for index, values in raw:
            first_fault = len(self.faults)
            table = self._table(values, f"accounts[{index}]", ACCOUNT_KEYS)
            account = self._account(table, rules, exchange, seen)
            if account is not None:
                accounts.append(account)
            label = seen[-1].account_id or ""
            self.faults[first_fault:] = [replace(fault, account=label) for fault in self.faults[first_fault:]]
        self._one_master(seen, complete=bool(raw))
        return tuple(accounts)

    def _account(
        self, table: Table, base: CopyRules, exchange: ExchangeConfig | None, seen: list[_Seen]
    ) -> AccountConfig | None:
        named = account_id(table)
        for needed, remedy in (
            ("role", 'write role = "master" or role = "user"'),
            ("broker", 'write broker = "kraken"'),
        ):
            if not table.has(needed):
                table.fault(needed, "missing", remedy)
        role = table.choice("role", Role)
        at_broker = broker(table)
        seen.append(_Seen(table, named, role, at_broker))
        self._no_clash(seen)
        at = broker_url(
            table,
            at_broker,
            exchange.mode if exchange else None,
            managed=exchange is not None and exchange.managed,
        )
        # What another broker's account says of copying was a fault already.
        rules = self._account_rules(table, base, role) if at_broker in {None, KRAKEN} else base
        copies = role is Role.USER and at_broker == KRAKEN
        strategy, options, risk = self._strategy(table, rules if copies else None, exchange)
        file = table.text("credentials_file", "write the path of a file that only this user can read")
        command = table.texts(
            "credentials_command", 'write a program and its arguments: ["pass", "show", "kraken"]'
        )
        if table.has("credentials_file") and command is not None:
            problem = "credentials_file is there as well"
            table.fault("credentials_command", problem, "keep one of the two: a key has one source")
        withdraw = table.flag(
            "allow_withdraw_key", "write true to trade with a key that could withdraw, or take it out"
        )
        reserve = reserve_of(table)
        tier = table.choice("tier", Tier)
        if tier is Tier.UNLIMITED and exchange is not None and exchange.mode is Mode.LIVE:
            table.fault("tier", "Kraken has limits for everyone", "write the account's tier, or take it out")
        if named is None or role is None or at_broker is None:
            return None
        self._written[named] = table.keys | {f"copy.{key}" for key in table.keys_of("copy")}
        # Who believes to be in a lower tier than it is only waits longer; the other way round the exchange
        # refuses.
        is_paper = exchange is not None and exchange.mode is Mode.PAPER
        usual = Tier.PRO if is_paper else Tier.STARTER
        return AccountConfig(
            id=named, role=role, broker=at_broker, copy=rules, strategy=strategy, strategy_options=options,
            strategy_risk=risk, credentials_file=file, credentials_command=command,
            allow_withdraw_key=bool(withdraw), tier=tier or usual, broker_url=at, reserve=reserve,
        )  # fmt: skip

    def _account_rules(self, table: Table, base: CopyRules, role: Role | None) -> CopyRules:
        remedy = 'write copy = { max_user_risk = "0.05" }'
        if role is Role.MASTER:
            if table.has("copy"):
                table.fault("copy", "a master does not copy", "take it out, or put it on a user")
            return CopyRules()
        copy_table = self._table(table.table("copy", remedy) or {}, table.path("copy"), KEYS["copy"])
        return self._complete(copy_table, base, own=False)

    def _strategy(
        self, table: Table, rules: CopyRules | None, exchange: ExchangeConfig | None
    ) -> tuple[str | None, Mapping[str, Any], Decimal]:
        """Name, options and risk of the account's own strategy. ``rules``: those of a user that copies."""
        name = table.text("strategy", "write the name of a strategy, or take it out")
        if name is not None and name not in self._strategies:
            known = ", ".join(sorted(self._strategies)) or "none"
            table.fault("strategy", f"{show(name)} is not installed", f"installed: {known}")
        elif name in PAPER_STRATEGIES and exchange is not None and exchange.mode is not Mode.PAPER:
            table.fault("strategy", f"{show(name)} is only for paper money", "take it out")
        options = options_table(table)
        risk = table.number(
            "strategy_risk",
            lambda share: 0 < share <= 1,
            'write a share of the equity over 0 and up to 1, such as "0.10"',
            quoted=True,
        )
        for key in ("strategy_options", "strategy_risk"):
            if table.has(key) and not table.has("strategy"):
                table.fault(key, "does nothing without a strategy", 'write strategy = "..." too')
        # A user has agreed to a risk already; without a strategy it means nothing.
        usual = STRATEGY_RISK if rules is None or name is None else rules.max_user_risk
        return name, options, usual if risk is None else risk

    def _no_clash(self, seen: list[_Seen]) -> None:
        """Compare the account read last with those before it."""
        *before, last = seen
        for other in before:
            if last.account_id is None or other.account_id is None:
                continue
            named = f"{show(last.account_id)} and {other.table.path('id')} {show(other.account_id)}"
            if last.account_id.lower() == other.account_id.lower():
                problem = f"{show(last.account_id)} is also the id of {other.table.path('id')[: -len('.id')]}"
                last.table.fault("id", problem, "give each account its own id")
            elif last.broker == other.broker and last.variables_clash(other):
                problem = f"{named} mean the same environment variables"
                last.table.fault("id", problem, "change one of the ids: - and _ are the same there")

    def _one_master(self, seen: list[_Seen], *, complete: bool) -> None:
        first: dict[str, _Seen] = {}
        for account in seen:
            if account.role is not Role.MASTER or account.broker is None:
                continue
            other = first.setdefault(account.broker, account)
            if other is not account:
                at = "" if account.broker == KRAKEN else f" at {account.broker}"
                problem = f"a second master{at} ({other.table.path('role')} is the first)"
                account.table.fault("role", problem, 'write role = "user"')
        is_read = all(account.role is not None and account.broker is not None for account in seen)
        if complete and is_read and KRAKEN not in first:
            at = " at Kraken" if first else ""
            self._report("accounts", f"no master{at}", 'one account at Kraken needs role = "master"')


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is compared between accounts, good or bad."""

    table: Table
    account_id: str | None
    role: Role | None
    broker: str | None

    def variables_clash(self, other: _Seen) -> bool:
        """Whether two ids are one name of environment variables."""
        assert self.account_id is not None
        assert other.account_id is not None
        same = self.account_id.lower().replace("-", "_") == other.account_id.lower().replace("-", "_")
        return same and self.role is Role.USER and other.role is Role.USER
