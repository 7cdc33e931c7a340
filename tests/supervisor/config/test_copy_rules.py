"""Each rule of copying is read by its text, within its bounds, and a fault says what to write."""

from __future__ import annotations

from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.supervisor.config.reader import parse
from tests.support.config_texts import MASTER, PAPER, USER, the_fault_of


def rules_of(lines: str) -> CopyRules:
    """Those of [copy] with these lines."""
    return parse(f"{PAPER}[copy]\n{lines}\n{MASTER}{USER}", "c").users[0].copy


@pytest.mark.parametrize(("written", "times"), [('"0.5"', "0.5"), ("2", "2"), ('"100"', "100"), ("1", "1")])
def test_a_multiplier_is_a_number_up_to_a_hundred(written: str, times: str) -> None:
    assert rules_of(f"multiplier = {written}").multiplier == Decimal(times)


@pytest.mark.parametrize("written", ["0", "-1", '"100.1"', '"2x"', "true", '"50%"', "nan"])
def test_another_multiplier_is_a_fault_that_says_what_to_write(written: str) -> None:
    where, line = the_fault_of(f"{PAPER}[copy]\nmultiplier = {written}\n{MASTER}{USER}")
    assert where == "copy.multiplier"
    assert "write a number over 0 and up to 100" in line


@pytest.mark.parametrize("written", ['"0.1"', "0.1", '"0.10"', "1", "1.0", '"1"', "0.0001"])
def test_a_risk_share_is_taken_by_its_text(written: str) -> None:
    config = parse(f"{PAPER}[copy]\nmax_user_risk = {written}\n{MASTER}", "c")
    assert config.copy.max_user_risk == Decimal(written.strip('"'))


@pytest.mark.parametrize(
    "written",
    [
        "0",
        "1.5",
        '"1.5"',
        '"ten"',
        "nan",
        "inf",
        "-0.1",
        "true",
        "[]",
        '"10%"',
        '"\u0660.\u0661"',
        '" 0.1"',
        '"1e-1"',
        "1e-30",
    ],
)
def test_a_risk_share_outside_its_bounds_is_a_fault_that_says_what_to_write(written: str) -> None:
    where, line = the_fault_of(f"{PAPER}{MASTER}{USER}copy = {{ max_user_risk = {written} }}\n")
    assert where == "accounts[1].copy.max_user_risk"
    assert 'write a share over 0 and up to 1: "0.10" is ten percent' in line
    assert '"tania_gilbert"' in line


def notional_of(written: str) -> tuple[Decimal | None, str]:
    copy = f'copy = {{ sizing = "fixed_notional", notional = {written} }}\n'
    rules = parse(PAPER + MASTER + USER + copy, "c").users[0].copy
    return rules.notional, rules.notional_asset


@pytest.mark.parametrize(
    ("written", "amount", "asset"),
    [
        ('"50 USD"', "50", "USD"),
        ('"0.5 BTC"', "0.5", "BTC"),
        ('"50"', "50", ""),
        ("50", "50", ""),
        ("2.5", "2.5", ""),
    ],
)
def test_an_amount_names_its_currency_or_none(written: str, amount: str, asset: str) -> None:
    assert notional_of(written) == (Decimal(amount), asset)


@pytest.mark.parametrize(
    "written",
    ['"50 usd"', '"50 $"', '"50 USD a day"', '"USD 50"', '"50  USD"', '"0 USD"', '"-1 USD"', '"50USD"'],
)
def test_an_amount_that_cannot_be_read_is_a_fault_with_how_it_is_written(written: str) -> None:
    where, line = the_fault_of(
        f'{PAPER}{MASTER}{USER}copy = {{ sizing = "fixed_notional", notional = {written} }}\n'
    )
    assert where == "accounts[1].copy.notional"
    assert 'such as "25 USD"' in line


def test_the_asset_of_an_amount_is_no_key_of_its_own() -> None:
    where, _ = the_fault_of(f'{PAPER}[copy]\nnotional_asset = "USD"\n{MASTER}{USER}')
    assert where == "copy.notional_asset"
