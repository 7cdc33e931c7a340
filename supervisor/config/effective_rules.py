"""The rules that an account goes by, each with where its value is from. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.supervisor.config.diff import value_words
from krakencopy.supervisor.config.keys import KEYS
from krakencopy.supervisor.config.model import AccountConfig, Config
from krakencopy.supervisor.config.set_document import SYSTEM

#: Where values are from.
ACCOUNT, DEFAULT = "account", "default"
#: Who says what was set while running; of a group, "set for" and the group.
SET_FOR = {"[copy]": "set for all", ACCOUNT: "set for the account"}
#: What an account keeps to beside the rules of copying.
_BESIDE = ("tier", "allow_withdraw_key")


class Rule(NamedTuple):
    """One key with its value in words, and where that is from."""

    key: str
    value: str
    source: str


def effective_rules(account: AccountConfig, config: Config) -> Iterator[Rule]:
    """All of an account's; those of copying only of one that copies. An account that is not in the
    configuration any more has those that it had.
    """
    written = config.written.accounts.get(account.id, frozenset())
    if account.copies:
        shown = list(_copy_rules(account, config))
        yield from shown
        yield from _taken_out(account, config, {rule.key for rule in shown})
    if account.strategy is not None:
        usual = "copy.max_user_risk" if account.copies else DEFAULT
        yield Rule("strategy", account.strategy, ACCOUNT)
        source = ACCOUNT if "strategy_risk" in written else usual
        yield Rule("strategy_risk", value_words(account.strategy_risk), source)
    if account.is_kraken:
        for key in (*_BESIDE, *(("mode",) if account.copies else ())):
            value = value_words(getattr(account, key))
            yield Rule(key, value, ACCOUNT if key in written else DEFAULT)
        reserve = ", ".join(f"{value_words(amount)} {asset}" for asset, amount in account.reserve.items())
        yield Rule("reserve", reserve, ACCOUNT if account.reserve else DEFAULT)


def _copy_rules(account: AccountConfig, config: Config) -> Iterator[Rule]:
    for key in CopyRules.__dataclass_fields__:
        if key == "pairs":
            for pattern, values in account.copy.pairs.items():
                for name, value in values.items():
                    path = f'pairs."{pattern}".{name}'
                    yield Rule(f"copy.{path}", value_words(value), _copy_source(account, config, path))
        elif key == "map":
            for pattern, target in account.copy.map.items():
                path = f'map."{pattern}"'
                yield Rule(f"copy.{path}", target, _copy_source(account, config, path))
        elif key == "limits" and account.copy.limits:
            for limit in account.copy.limits:
                words = str(limit).removeprefix(f"{limit.name}: ")
                yield Rule(f"copy.limits.{limit.name}", words, _copy_source(account, config, key))
        elif key in KEYS["copy"]:
            yield Rule(f"copy.{key}", _copy_value(account.copy, key), _copy_source(account, config, key))


def _taken_out(account: AccountConfig, config: Config, shown: Collection[str]) -> Iterator[Rule]:
    """Lines of a list or a table that the file has, and that are gone by what was set."""
    levels = {account.id: ACCOUNT, account.group or "": f"group {account.group}", SYSTEM: "[copy]"}
    for path in sorted(config.written.file_values.get(account.id, {}).keys() - shown):
        key = path.split(".")[1]
        by = next((words for level, words in levels.items() if (level, key) in config.written.settings), "")
        yield Rule(path, "", SET_FOR.get(by, f"set for {by}"))


def _copy_value(rules: CopyRules, key: str) -> str:
    value = value_words(getattr(rules, key), key)
    return f"{value} {rules.notional_asset}".strip() if key == "notional" else value


def _copy_source(account: AccountConfig, config: Config, key: str) -> str:
    source = config.written.rules.get(account.id, {}).get(key)
    return DEFAULT if source is None else source.words
