"""What an account's process is told arrives as it was meant, and its key shows nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.loss_limits import Action, LossLimit, Metric, Window
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.spec import (
    COPY_KEYS,
    AccountSpec,
    BalanceBasis,
    CopyRules,
    Credentials,
    OrderStyle,
    Role,
    Sizing,
    Tier,
)

AMOUNTS = st.decimals(min_value=0, max_value=10**6, places=8)
NAMES = st.text("abcdefghij-_", min_size=1, max_size=12)
PATHS = NAMES.map(Path)
MONEY = st.builds(Money, AMOUNTS, st.sampled_from(["USD", "EUR"]))
RULES = st.builds(
    CopyRules,
    sizing=st.sampled_from(Sizing),
    balance=st.sampled_from(BalanceBasis),
    ratio=st.none() | AMOUNTS,
    notional=st.none() | AMOUNTS,
    notional_asset=st.sampled_from(["", "EUR"]),
    max_user_risk=AMOUNTS,
    order=st.sampled_from(OrderStyle),
    max_slippage_bps=st.integers(0, 1000),
    max_entry_age_s=st.floats(0, 1000),
    multiplier=AMOUNTS,
    max_order_notional=st.none() | MONEY,
    max_position_notional=st.none() | MONEY,
    max_position_share=st.none() | AMOUNTS,
    max_gross_exposure=st.none() | AMOUNTS | MONEY,
    max_open_pairs=st.none() | st.integers(1, 100),
    max_daily_notional=st.none() | MONEY,
    max_orders_per_day=st.none() | st.integers(1, 100),
    min_copy_notional=st.none() | MONEY,
    allocated_capital=st.none() | AMOUNTS | MONEY,
    include=st.lists(NAMES, max_size=3).map(tuple),
    exclude=st.lists(NAMES, max_size=3).map(tuple),
    pairs=st.dictionaries(
        NAMES,
        st.fixed_dictionaries(
            {},
            optional={
                "multiplier": AMOUNTS,
                "max_order_notional": MONEY,
                "max_orders_per_day": st.integers(1, 9),
            },
        ),
        max_size=3,
    ),
)
SPECS = st.builds(
    AccountSpec,
    id=NAMES, role=st.sampled_from(Role), broker=NAMES, epoch=st.integers(1, 10**6), instance_id=NAMES,
    rest_url=NAMES, ws_url=NAMES, nonce_path=PATHS, socket_path=PATHS, ledger_path=PATHS, log_path=PATHS,
    key_lock_dir=PATHS, states_path=PATHS, group=NAMES, copy=RULES, strategy=st.none() | NAMES,
    strategy_options=st.dictionaries(NAMES, st.integers() | NAMES | st.booleans()),
    strategy_risk=AMOUNTS, paper=st.booleans(), reserve=st.dictionaries(NAMES, AMOUNTS),
    allow_withdraw_key=st.booleans(), visibility_lag_s=st.floats(0, 100), tier=st.sampled_from(Tier),
    owner=NAMES, adopt_ledger=st.booleans(), journal_id=NAMES, users=st.integers(1, 1000),
)  # fmt: skip
USUAL = AccountSpec(
    id="anna", role=Role.USER, broker="kraken", epoch=1, instance_id="i", rest_url="u", ws_url="w",
    nonce_path=Path("n"), socket_path=Path("s"), ledger_path=Path("l"), log_path=Path("o"),
    key_lock_dir=Path("k"), states_path=Path("t"), copy=CopyRules(), strategy_risk=Decimal("0.1"),
)  # fmt: skip


def test_rules_follow_the_names_of_coins() -> None:
    old = CopyRules(
        notional=Decimal(1), notional_asset="MATIC", max_daily_notional=Money(Decimal(5), "MATIC")
    )
    new = old.in_names(lambda name: {"MATIC": "POL"}.get(name, name))
    assert (new.notional_asset, new.max_daily_notional) == ("POL", Money(Decimal(5), "POL"))
    assert CopyRules().in_names(str.lower) == CopyRules()
    of_pair = CopyRules(
        pairs={"X/*": {"max_order_notional": Money(Decimal(5), "MATIC"), "multiplier": Decimal(2)}}
    )
    assert of_pair.in_names(lambda _: "POL").pairs["X/*"]["max_order_notional"] == Money(Decimal(5), "POL")


def test_what_is_left_to_its_default_takes_no_room_on_the_way() -> None:
    assert json.loads(USUAL.to_json())["copy"] == {}


def test_each_rule_of_copying_says_how_it_is_read() -> None:
    assert list(COPY_KEYS) == list(CopyRules.__dataclass_fields__)


def test_limits_that_must_know_what_comes_in_and_goes_out_are_named() -> None:
    def limit(name: str, metric: Metric, most: Decimal | Money) -> LossLimit:
        return LossLimit(name, metric, Window.DAY, most, Decimal("0.8"), Action.WARN)

    money = Money(Decimal(5), "USD")
    limits = (
        limit("a", Metric.EQUITY, money), limit("b", Metric.REALISED, Decimal("0.1")),
        limit("c", Metric.REALISED, money),
    )  # fmt: skip
    spec = replace(USUAL, copy=CopyRules(limits=limits))
    assert (spec.limits_by_flows, USUAL.limits_by_flows) == ("limit a, limit b", "")
    assert replace(USUAL, totals=(("realised", "USD"),)).limits_by_flows == ""
    assert replace(USUAL, totals=(("equity", "USD"),)).limits_by_flows == "the limits of all users together"
    assert replace(spec, role=Role.MASTER).limits_by_flows == ""


@given(SPECS)
def test_a_spec_arrives_as_it_was_sent(spec: AccountSpec) -> None:
    assert AccountSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    "spoil",
    [
        lambda told: told.pop("copy"),
        lambda told: told.update(role="owner"),
        lambda told: told.update(colour="red"),
        lambda told: told["copy"].update(sizing="half"),
        lambda told: told["copy"].update(colour="red"),
        lambda told: told.pop("id"),
    ],
    ids=["no rules", "no such role", "unknown field", "no such sizing", "unknown rule", "no id"],
)
def test_anything_else_is_refused(spoil: Callable[[dict[str, Any]], object]) -> None:
    told = json.loads(USUAL.to_json())
    spoil(told)
    with pytest.raises((KeyError, TypeError, ValueError)):
        AccountSpec.from_json(json.dumps(told))


def test_a_key_shows_neither_in_repr_nor_as_text() -> None:
    credentials = Credentials("the-key", "the-secret")
    for shown in (repr(credentials), str(credentials), f"{credentials}"):
        assert "the-" not in shown


def test_a_secret_of_several_lines_is_hidden_as_a_whole_escaped_and_by_each_line_that_says_something() -> (
    None
):
    secret = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIFbunguessable\nshort\n-----END EC PRIVATE KEY-----\n"
    hidden = Credentials("organizations/7", secret).hidden
    assert {secret, secret.replace("\n", "\\n"), "MHcCAQEEIFbunguessable", "organizations/7"} <= set(hidden)
    assert "short" not in hidden
