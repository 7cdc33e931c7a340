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
                 pairs = { "BTC/USD" = { ... } }: some of these keys for some pairs;
                 map = { "*/USD" = "*/EUR" }: pairs that are copied in another quote; on_join, on_leave,
                 on_deposit; limits, as [[copy.limits]] (config/loss_limits.py); with the defaults of
                 ``CopyRules``
    [control]    listen = "ADDRESS:PORT", by TLS; names = [...] of the certificate; certificate, key and
                 client_ca of one's own, with [[control.principals]] (config/control_table.py)
    [[total_limits]] limits to the losses of all users together, as [[copy.limits]]
    [control]    credential_sources = [...]: folders with keys of accounts that the API configures
    [[groups]]   id (needed), and copy = { the keys of [copy] } for those who belong to it
    [[accounts]] id, role and broker (needed); group, of users: the id of one of [[groups]];
                 credentials_file or credentials_command, allow_withdraw_key = false,
                 reserve = { BTC = "1.0" };
                 strategy with strategy_options = { ... } and strategy_risk = "0.10" (of a user: its
                 max_user_risk);
                 tier = "starter" | "intermediate" | "pro" at the exchange, "starter" ("pro" in paper mode);
                 for users copy = { the keys of [copy] }; mode = "trade" | "shadow": decide, and send
                 nothing
                 at other brokers than Kraken (config/brokers.py) only id, role, broker, credentials_*,
                 strategy*, and broker_url, for tests and sandboxes; there may be one master at each

API keys never stand in it (config/credentials.py). It must not know processes, the exchange, or what a
strategy does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from krakencopy.account_proc.contract.spec import STRATEGY_RISK, CopyRules, Role, Tier
from krakencopy.account_proc.contract.strategies import installed
from krakencopy.supervisor.config.brokers import KRAKEN
from krakencopy.supervisor.config.chain import Chained, Source, extend
from krakencopy.supervisor.config.control_table import control_of
from krakencopy.supervisor.config.copy_rules import NEEDS, check_pairs, copy_values
from krakencopy.supervisor.config.credential_folders import credential_sources_of
from krakencopy.supervisor.config.effective_rules import ACCOUNT, SET_FOR
from krakencopy.supervisor.config.exchange_tables import exchange_of, startup_of
from krakencopy.supervisor.config.fitting_accounts import Seen, check_last_id, check_masters
from krakencopy.supervisor.config.keys import ACCOUNT_KEYS, GROUP_KEYS, HOME_OF_KEY, KEYS
from krakencopy.supervisor.config.loss_limits import loss_limits_of
from krakencopy.supervisor.config.model import (
    AccountConfig,
    AccountMode,
    Config,
    ExchangeConfig,
    StartupConfig,
    Written,
)
from krakencopy.supervisor.config.set_document import SYSTEM, Place, Settings, set_in
from krakencopy.supervisor.config.toml_table import ConfigFault, ConfigFaults, Table, read_toml, show
from krakencopy.supervisor.config.values import (
    GROUP_ID_RULE,
    PAPER_STRATEGIES,
    Mode,
    PaperMarket,
    broker,
    broker_url,
    check_fits,
    group_of,
    id_of,
    options_table,
    reserve_of,
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

_Rules = Chained[CopyRules]


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
    return read(read_toml(text, source), source, strategies)


def read(
    document: Mapping[str, Any],
    source: str,
    strategies: Collection[str] | None = None,
    *,
    settings: Settings | None = None,
) -> Config:
    """Check a document, with settings in the place of what it says there (config/set_document.py). Raises as
    ``parse`` does; faults of a setting say which one it is.
    """
    known = installed().keys() if strategies is None else strategies
    made, paths = set_in(document, settings or {})
    reading = _Reading(source, known, paths)
    config = reading.config(made)
    if config is not None:
        config = replace(config, written=replace(config.written, document=document))
    if reading.faults or config is None:
        raise ConfigFaults(reading.faults)
    return config


class _Reading:
    """One pass over one document: values that could be read, faults of the rest."""

    def __init__(self, source: str, strategies: Collection[str], paths: Mapping[str, Place]) -> None:
        """``paths``: where in the document a setting stands."""
        self._source = source
        self._strategies = strategies
        self._paths = paths
        self._set = set(paths.values())
        self.faults: list[ConfigFault] = []
        self._written: dict[str, frozenset[str]] = {}
        self._rules: dict[str, Mapping[str, Source]] = {}
        #: By id, what members of a group go by who say nothing themselves.
        self._groups: dict[str, _Rules] = {}

    def _report(self, where: str, problem: str, remedy: str) -> None:
        fault = ConfigFault(self._source, where, problem, remedy)
        for path, (target, key) in self._paths.items():
            if where == path or where.startswith((f"{path}.", f"{path}[")):
                fault = replace(
                    fault, source=f"set {target or '--all'}", where=key + where.removeprefix(path),
                    setting=(target, key),
                )  # fmt: skip
        self.faults.append(fault)

    def _table(self, raw: Mapping[str, Any], where: str, known: Collection[str]) -> Table:
        return Table(raw, where, self._report, known, HOME_OF_KEY)

    def _section(self, root: Table, name: str) -> Table:
        remedy = f"write [{name}] with its keys on the lines below"
        return self._table(root.table(name, remedy) or {}, name, KEYS[name])

    def config(self, raw: Mapping[str, Any]) -> Config | None:
        """The configuration; None, with at least one fault, when a needed part is missing."""
        root = self._table(raw, "", KEYS.keys())
        exchange = exchange_of(self._section(root, "exchange"))
        startup = startup_of(self._section(root, "startup"), exchange)
        copy_table = self._section(root, "copy")
        rules = self._complete(copy_table, Chained(CopyRules()), SYSTEM, "[copy]")
        self._read_groups(root, rules)
        total_limits = loss_limits_of(root, "total_limits") or ()
        control_table = self._section(root, "control")
        control, principals = control_of(control_table)
        sources = credential_sources_of(control_table)
        accounts = self._accounts(root, rules, exchange)
        if exchange is None:
            return None
        return Config(
            exchange=exchange, startup=startup, copy=rules.rules, accounts=accounts, source=self._source,
            groups=tuple(self._groups), total_limits=total_limits,
            control=control, principals=principals, credential_sources=sources,
            written=Written(self._written, self._rules),
        )  # fmt: skip

    def _complete(self, table: Table, base: _Rules, target: str, level: str) -> _Rules:
        """``base`` with what a copy table says; ``target`` and, for people, ``level``: whose it is."""
        values = copy_values(table)

        def source_of(key: str) -> Source:
            if (target, key) in self._set:
                return Source(SET_FOR.get(level, f"set for {level}"), is_set=True)
            return Source(level)

        chained, clashes = extend(base, values, source_of)
        for clash in clashes:
            table.fault(*clash)
            self.faults[-1] = replace(self.faults[-1], is_clash=True)
        rules = chained.rules
        if table.has("sizing") and "sizing" not in values:
            return chained  # which of the others it needs is unknown
        check_pairs(table, rules)
        for by, choice, key in NEEDS:
            if getattr(rules, by) is choice:
                # A fault of the table before is reported there, once.
                reported = table.has(key) or getattr(base.rules, by) is choice
                if getattr(rules, key) is None and not reported:
                    table.fault(key, f'missing, and {by} = "{choice}" needs it', f'write {key} = "..."')
            elif key in values and level == ACCOUNT and not self._gives_way(chained, target, by, key):
                table.fault(
                    key, f'does nothing with {by} = "{getattr(rules, by)}"', f'write {by} = "{choice}" too'
                )
        return chained

    def _gives_way(self, chained: _Rules, target: str, by: str, key: str) -> bool:
        """Whether what the file says there does nothing only as another choice was set while running."""
        return (target, key) not in self._set and by in chained.said and chained.said[by].is_set

    def _read_groups(self, root: Table, rules: _Rules) -> None:
        how = "write [[groups]] with id below, once for each group"
        for index, values in root.tables("groups", how) or []:
            table = self._table(values, f"groups[{index}]", GROUP_KEYS)
            named = id_of(table, GROUP_ID_RULE)
            remedy = 'write copy = { max_user_risk = "0.05" }'
            copy_table = self._table(table.table("copy", remedy) or {}, table.path("copy"), KEYS["copy"])
            completed = self._complete(copy_table, rules, named or "", f"group {named}")
            if named in self._groups:
                table.fault("id", f"{show(named)} is also the id of another group", "give each its own id")
            elif named is not None:
                self._groups[named] = completed

    def _accounts(
        self, root: Table, rules: _Rules, exchange: ExchangeConfig | None
    ) -> tuple[AccountConfig, ...]:
        how = "write [[accounts]] with id, role and broker below, once for each account"
        raw = root.tables("accounts", how)
        if raw is None:
            return ()
        if not raw:
            root.fault("accounts", "no accounts", how)
        accounts: list[AccountConfig] = []
        seen: list[Seen] = []
        for index, values in raw:
            first_fault = len(self.faults)
            table = self._table(values, f"accounts[{index}]", ACCOUNT_KEYS)
            account = self._account(table, rules, exchange, seen)
            if account is not None:
                accounts.append(account)
            label = seen[-1].account_id or ""
            self.faults[first_fault:] = [
                replace(fault, account=label) if fault.setting is None else fault
                for fault in self.faults[first_fault:]
            ]
        if raw and (problem := check_masters(seen)):
            self._report("accounts", problem, 'one account at Kraken needs role = "master"')
        return tuple(accounts)

    def _account(
        self, table: Table, base: _Rules, exchange: ExchangeConfig | None, seen: list[Seen]
    ) -> AccountConfig | None:
        named = id_of(table)
        for needed, remedy in (
            ("role", 'write role = "master" or role = "user"'),
            ("broker", 'write broker = "kraken"'),
        ):
            if not table.has(needed):
                table.fault(needed, "missing", remedy)
        role = table.choice("role", Role)
        at_broker = broker(table)
        seen.append(Seen(table, named, role, at_broker))
        check_last_id(seen, self._groups)
        at = broker_url(
            table,
            at_broker,
            exchange.mode if exchange else None,
            managed=exchange is not None and exchange.managed,
        )
        group = group_of(table, self._groups, role, at_broker)
        base = self._groups.get(group or "", base)
        # What another broker's account says of copying was a fault already.
        chained = self._account_rules(table, base, role, named) if at_broker in {None, KRAKEN} else base
        rules = chained.rules
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
        check_fits(table, rules, options, reserve)
        tier = table.choice("tier", Tier)
        if tier is Tier.UNLIMITED and exchange is not None and exchange.mode is Mode.LIVE:
            table.fault("tier", "Kraken has limits for everyone", "write the account's tier, or take it out")
        mode = table.choice("mode", AccountMode) or AccountMode.TRADE
        if mode is AccountMode.SHADOW and role is Role.MASTER:
            table.fault("mode", "a master is no shadow: its trades are copied", "take it out")
        if mode is AccountMode.SHADOW and table.has("strategy"):
            table.fault("mode", "a shadow sends no strategy's orders either", "take out one of the two")
        if named is None or role is None or at_broker is None:
            return None
        self._written[named] = table.keys | {f"copy.{key}" for key in table.keys_of("copy")}
        self._rules[named] = chained.said
        # Who believes to be in a lower tier than it is only waits longer; the other way round the exchange
        # refuses.
        is_paper = exchange is not None and exchange.mode is Mode.PAPER
        usual = Tier.PRO if is_paper else Tier.STARTER
        return AccountConfig(
            id=named, role=role, broker=at_broker, copy=rules, strategy=strategy, strategy_options=options,
            strategy_risk=risk, credentials_file=file, credentials_command=command,
            allow_withdraw_key=bool(withdraw), tier=tier or usual, broker_url=at, reserve=reserve,
            group=group, mode=mode,
        )  # fmt: skip

    def _account_rules(self, table: Table, base: _Rules, role: Role | None, named: str | None) -> _Rules:
        remedy = 'write copy = { max_user_risk = "0.05" }'
        if role is Role.MASTER:
            if table.has("copy"):
                table.fault("copy", "a master does not copy", "take it out, or put it on a user")
            return Chained(CopyRules())
        copy_table = self._table(table.table("copy", remedy) or {}, table.path("copy"), KEYS["copy"])
        return self._complete(copy_table, base, named or "", ACCOUNT)

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
