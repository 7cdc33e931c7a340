"""Each rule that an account goes by is shown with its value and with where that is from."""

from __future__ import annotations

from krakencopy.supervisor.config.effective_rules import effective_rules
from krakencopy.supervisor.config.reader import parse

TEXT = """
[exchange]
mode = "live"
[copy]
max_user_risk = "0.10"
max_slippage_bps = 80
max_daily_notional = "500 USD"
include = ["BTC/*", "*/EUR"]
[[accounts]]
id = "master"
role = "master"
broker = "kraken"
tier = "pro"
[[accounts]]
id = "anna"
role = "user"
broker = "kraken"
strategy = "mine"
reserve = { BTC = "1.5" }
copy.sizing = "fixed_notional"
copy.notional = "50 USD"
copy.max_slippage_bps = 20
copy.pairs = { "BTC/*" = { max_order_notional = "5 USD" } }
[[accounts]]
id = "ben"
role = "user"
broker = "kraken"
group = "clients"
copy = { ratio = "2", sizing = "fixed_ratio" }
[[groups]]
id = "clients"
copy = { max_entry_age_s = 9, max_slippage_bps = 30 }
[[accounts]]
id = "ccat"
role = "user"
broker = "ccxt:coinbase"
"""


def rules_of(account_id: str) -> dict[str, tuple[str, str]]:
    config = parse(TEXT, "a.toml", {"mine"})
    account = next(account for account in config.accounts if account.id == account_id)
    return {key: (value, source) for key, value, source in effective_rules(account, config)}


def test_a_users_rules_say_whether_they_are_its_own_those_of_copy_or_defaults() -> None:
    assert rules_of("anna") == {
        "copy.sizing": ("fixed_notional", "account"),
        "copy.balance": ("equity", "default"),
        "copy.ratio": ("", "default"),
        "copy.notional": ("50 USD", "account"),
        "copy.max_user_risk": ("0.10", "[copy]"),
        "copy.order": ("market", "default"),
        "copy.max_slippage_bps": ("20", "account"),
        "copy.max_entry_age_s": ("30", "default"),
        "copy.multiplier": ("1", "default"),
        "copy.max_order_notional": ("", "default"),
        "copy.max_position_notional": ("", "default"),
        "copy.max_position_share": ("", "default"),
        "copy.max_gross_exposure": ("", "default"),
        "copy.max_open_pairs": ("", "default"),
        "copy.max_daily_notional": ("500 USD", "[copy]"),
        "copy.max_orders_per_day": ("", "default"),
        "copy.min_copy_notional": ("", "default"),
        "copy.allocated_capital": ("", "default"),
        "copy.include": ("BTC/*, */EUR", "[copy]"),
        "copy.exclude": ("", "default"),
        'copy.pairs."BTC/*".max_order_notional': ("5 USD", "account"),
        "copy.limits": ("", "default"),
        "copy.on_join": ("fills_only", "default"),
        "copy.on_leave": ("keep", "default"),
        "copy.on_deposit": ("next_fills", "default"),
        "strategy": ("mine", "account"),
        "strategy_risk": ("0.10", "copy.max_user_risk"),
        "tier": ("starter", "default"),
        "allow_withdraw_key": ("false", "default"),
        "mode": ("trade", "default"),
        "reserve": ("1.5 BTC", "account"),
    }


def test_what_a_group_says_is_shown_as_the_groups() -> None:
    rules = rules_of("ben")
    assert rules["copy.max_entry_age_s"] == ("9", "group clients")
    assert rules["copy.max_slippage_bps"] == ("30", "group clients")
    assert rules["copy.max_user_risk"] == ("0.10", "[copy]")
    assert rules["copy.ratio"] == ("2", "account")
    assert rules["copy.order"] == ("market", "default")


def test_who_does_not_copy_has_no_rules_of_copying() -> None:
    assert rules_of("master") == {
        "tier": ("pro", "account"),
        "allow_withdraw_key": ("false", "default"),
        "reserve": ("", "default"),
    }
    assert rules_of("ccat") == {}
