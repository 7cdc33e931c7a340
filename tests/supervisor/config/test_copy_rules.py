"""Each rule of copying is read by its text, within its bounds, and a fault says what to write."""

from __future__ import annotations

from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.spec import BalanceBasis, CopyRules
from krakencopy.supervisor.config.effective_rules import effective_rules
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


MONEY = ("max_order_notional", "max_position_notional", "max_daily_notional", "min_copy_notional")
USD_100 = Money(Decimal(100), "USD")


@pytest.mark.parametrize("key", [*MONEY, "max_gross_exposure"])
@pytest.mark.parametrize(
    ("written", "money"),
    [
        ('"100 USD"', USD_100),
        ('"100 ZUSD"', USD_100),
        ('"0.01 XBT"', Money(Decimal("0.01"), "BTC")),
        ('"1000000000 EUR"', Money(Decimal(10**9), "EUR")),
    ],
)
def test_an_amount_of_a_cap_has_its_currency_in_any_spelling(key: str, written: str, money: Money) -> None:
    assert getattr(rules_of(f"{key} = {written}"), key) == money


@pytest.mark.parametrize("key", MONEY)
@pytest.mark.parametrize("written", ["100", '"100"', "2.5"])
def test_an_amount_of_a_cap_without_a_currency_is_a_fault_that_says_how_it_is_written(
    key: str, written: str
) -> None:
    where, line = the_fault_of(f"{PAPER}[copy]\n{key} = {written}\n{MASTER}{USER}")
    assert where == f"copy.{key}"
    number = written.strip('"')
    assert f'{number} names no currency; write {key} = "{number} USD"' in line


@pytest.mark.parametrize("key", MONEY)
@pytest.mark.parametrize("written", ['"0 USD"', '"-1 USD"', '"1000000001 USD"', '"100 $"', "true", '"50%"'])
def test_another_amount_is_a_fault_that_says_what_to_write(key: str, written: str) -> None:
    where, line = the_fault_of(f"{PAPER}[copy]\n{key} = {written}\n{MASTER}{USER}")
    assert where == f"copy.{key}"
    assert f'with its currency: {key} = "100 USD"' in line


@pytest.mark.parametrize("key", ["max_position_share", "max_gross_exposure"])
@pytest.mark.parametrize("written", ['"0.5"', "0.5", "1", "0.0001"])
def test_a_share_is_over_0_and_up_to_1(key: str, written: str) -> None:
    assert getattr(rules_of(f"{key} = {written}"), key) == Decimal(written.strip('"'))


@pytest.mark.parametrize("key", ["max_position_share", "max_gross_exposure"])
@pytest.mark.parametrize("written", ["0", "1.5", "-0.1", '"half"', "[]"])
def test_another_share_is_a_fault_that_says_what_to_write(key: str, written: str) -> None:
    where, line = the_fault_of(f"{PAPER}[copy]\n{key} = {written}\n{MASTER}{USER}")
    assert where == f"copy.{key}"
    assert "over 0 and up to 1" in line


@pytest.mark.parametrize(("key", "most"), [("max_open_pairs", 10_000), ("max_orders_per_day", 1_000_000)])
def test_a_number_of_coins_or_orders_is_whole(key: str, most: int) -> None:
    assert [getattr(rules_of(f"{key} = {number}"), key) for number in (1, most)] == [1, most]
    for written in ("0", "-1", str(most + 1), "1.5", '"3"', "true"):
        where, line = the_fault_of(f"{PAPER}[copy]\n{key} = {written}\n{MASTER}{USER}")
        assert where == f"copy.{key}"
        assert f"write a whole number from 1 to {most}" in line


@pytest.mark.parametrize(
    ("written", "capital"),
    [
        ("5000 USD", Money(Decimal(5000), "USD")), ("50%", Decimal("0.5")), ("100%", Decimal(1)),
        ("0.5%", Decimal("0.005")),
    ],
)  # fmt: skip
def test_allocated_capital_is_money_or_percent_of_the_account(written: str, capital: object) -> None:
    rules = rules_of(f'balance = "allocated"\nallocated_capital = "{written}"')
    assert (rules.balance, rules.allocated_capital) == (BalanceBasis.ALLOCATED, capital)


@pytest.mark.parametrize("written", ["5000", '"5000"', '"0%"', '"101%"', '"x%"', '"0 USD"', "true", '"%"'])
def test_other_allocated_capital_is_a_fault_that_says_what_to_write(written: str) -> None:
    where, line = the_fault_of(
        f'{PAPER}[copy]\nbalance = "allocated"\nallocated_capital = {written}\n{MASTER}{USER}'
    )
    assert where == "copy.allocated_capital"
    assert "; write " in line


def test_allocated_capital_and_its_balance_need_each_other() -> None:
    where, line = the_fault_of(f'{PAPER}[copy]\nbalance = "allocated"\n{MASTER}{USER}')
    assert (where, 'missing, and balance = "allocated" needs it' in line) == ("copy.allocated_capital", True)
    copy = 'copy = { allocated_capital = "50%" }'
    where, line = the_fault_of(f"{PAPER}{MASTER}{USER}{copy}")
    assert where == "accounts[1].copy.allocated_capital"
    assert 'does nothing with balance = "equity"; write balance = "allocated" too' in line


def test_filters_are_lists_of_patterns_and_may_be_empty() -> None:
    rules = rules_of('include = ["BTC/USD", "ETH/*"]\nexclude = []')
    assert (rules.include, rules.exclude) == (("BTC/USD", "ETH/*"), ())


@pytest.mark.parametrize("key", ["include", "exclude"])
@pytest.mark.parametrize(
    "written", ['"BTC/USD"', "[1]", '[""]', '["BTC,USD"]', '["' + "A" * 33 + '"]', '["BTC/"]']
)
def test_another_list_is_a_fault_that_says_what_to_write(key: str, written: str) -> None:
    where, line = the_fault_of(f"{PAPER}[copy]\n{key} = {written}\n{MASTER}{USER}")
    assert where == f"copy.{key}"
    assert f'{key} = ["BTC/USD", "ETH/*", "*/EUR"]' in line


def test_a_list_that_is_too_long_to_be_handed_to_a_process_is_a_fault() -> None:
    listed = ", ".join(f'"C{number}/USD"' for number in range(100))
    where, line = the_fault_of(f"{PAPER}[copy]\ninclude = [{listed}]\n{MASTER}{USER}")
    assert where == "copy.include"
    assert "bytes are more than the 800 that fit" in line


def test_pairs_have_rules_of_their_own() -> None:
    rules = rules_of(
        'sizing = "fixed_ratio"\nratio = 1\n[copy.pairs."BTC/USD"]\nratio = "0.5"\nmax_entry_age_s = 5\n'
        '[copy.pairs."*/EUR"]\nmax_daily_notional = "10 EUR"\nmax_orders_per_day = 3\n'
    )
    assert rules.pairs == {
        "BTC/USD": {"ratio": Decimal("0.5"), "max_entry_age_s": 5.0},
        "*/EUR": {"max_daily_notional": Money(Decimal(10), "EUR"), "max_orders_per_day": 3},
    }


def table_fault(key: str, written: str) -> tuple[str, str]:
    """The one fault of a table of [copy] with this line, or of what stands in its place."""
    value = f"{{ {written} }}" if "=" in written else written
    return the_fault_of(f"{PAPER}[copy]\n{key} = {value}\n{MASTER}{USER}")


@pytest.mark.parametrize(
    ("written", "where", "says"),
    [
        ('"BTC/USD" = { multiplier = 0 }', '."BTC/USD".multiplier', "write a number over 0"),
        (
            '"BTC/USD" = { max_order_notional = 5 }',
            '."BTC/USD".max_order_notional',
            'write max_order_notional = "5 USD"',
        ),
        ('"BTC/USD" = { max_open_pairs = 5 }', '."BTC/USD".max_open_pairs', "unknown key"),
        ('"BTC/USD" = 5', '."BTC/USD"', 'write [copy.pairs."BTC/USD"]'),
        ('"BTC,USD" = {}', '."BTC,USD"', "is no pattern of pairs"),
        ('"BTC/*" = { ratio = 2 }', '."BTC/*"', 'its ratio does nothing with sizing = "balance_ratio"'),
        ("5", "", 'write [copy.pairs."BTC/USD"]'),
    ],
)
def test_wrong_rules_of_a_pair_are_faults_at_their_place(written: str, where: str, says: str) -> None:
    found, line = table_fault("pairs", written)
    assert found == f"copy.pairs{where}"
    assert says in line


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


def test_the_cap_of_an_order_is_in_one_currency_for_all_and_for_a_pair() -> None:
    in_euros = '[copy.pairs."BTC/USD"]\nmax_order_notional = "5 EUR"\n'
    where, line = the_fault_of(f'{PAPER}[copy]\nmax_order_notional = "10 USD"\n{in_euros}{MASTER}{USER}')
    assert where == "copy.pairs"
    assert '"10 USD", and "5 EUR" of BTC/USD, cannot be compared, and the smaller holds' in line
    rules_of('max_order_notional = "10 EUR"\n' + in_euros)


def test_a_map_says_in_which_quote_the_masters_pairs_are_copied() -> None:
    rules = rules_of('map = { "*/USD" = "*/eur", "XBT/USDT" = "BTC/EUR", "ETH/*" = "ETH/USD" }')
    assert rules.map == {"*/USD": "*/EUR", "XBT/USDT": "BTC/EUR", "ETH/*": "ETH/USD"}


@pytest.mark.parametrize(
    ("written", "where", "says"),
    [
        ('"BTC/USD" = "ETH/EUR"', '."BTC/USD"', 'only the quote may be another one; write "BTC/EUR"'),
        ('"*/USD" = "ETH/EUR"', '."*/USD"', 'only the quote may be another one; write "*/EUR"'),
        ('"BTC/USD" = "*/*"', '."BTC/USD"', 'names no pair to copy in; write one quote: "BTC/EUR"'),
        ('"BTC/USD" = "EUR"', '."BTC/USD"', 'names no pair to copy in; write one quote: "BTC/EUR"'),
        ('"USD" = "*/EUR"', ".USD", 'is no pair, and no pattern of a map; write "BTC/USD"'),
        ('"B[T]C/USD" = "*/EUR"', '."B[T]C/USD"', "is no pair, and no pattern of a map"),
        ('"*/USD" = 5', '."*/USD"', 'map = { "*/USD" = "*/EUR"'),
        ("5", "", 'map = { "*/USD" = "*/EUR"'),
    ],
)
def test_what_no_map_can_mean_is_a_fault_that_says_what_to_write(written: str, where: str, says: str) -> None:
    found, line = table_fault("map", written)
    assert found == f"copy.map{where}"
    assert says in line


def test_a_map_that_is_too_long_to_be_handed_to_a_process_is_a_fault() -> None:
    lines = ", ".join(f'"C{number}/USD" = "*/EUR"' for number in range(50))
    where, line = the_fault_of(f"{PAPER}[copy]\nmap = {{ {lines} }}\n{MASTER}{USER}")
    assert where == "copy.map"
    assert "bytes are more than the 800 that fit" in line


def test_pairs_and_maps_of_several_levels_go_together_line_by_line_and_key_by_key() -> None:
    system = (
        '[copy]\nmap = { "*/USD" = "*/EUR", "BTC/USD" = "BTC/GBP" }\n'
        '[copy.pairs."*/EUR"]\nmultiplier = 3\n'
        '[copy.pairs."BTC/USD"]\nmultiplier = 2\nmax_order_notional = "10 USD"\nmax_orders_per_day = 9\n'
    )
    account = (
        'copy = { map = { "BTC/USD" = "BTC/USD" }, pairs = { "BTC/USD" = { multiplier = "0.5", '
        'max_order_notional = "20 USD", max_orders_per_day = 3 }, "ETH/*" = { multiplier = 4 } } }\n'
    )
    config = parse(PAPER + system + MASTER + USER + account, "c")
    rules = config.users[0].copy
    assert rules.map == {"*/USD": "*/EUR", "BTC/USD": "BTC/USD"}
    assert rules.pairs == {
        "*/EUR": {"multiplier": Decimal(3)},
        "BTC/USD": {
            "multiplier": Decimal("0.5"), "max_order_notional": Money(Decimal(10), "USD"),
            "max_orders_per_day": 3,
        },
        "ETH/*": {"multiplier": Decimal(4)},
    }  # fmt: skip
    sources = {
        rule.key.removeprefix("copy."): rule.source
        for rule in effective_rules(config.users[0], config)
        if rule.key.startswith(("copy.pairs.", "copy.map."))
    }
    assert sources == {
        'pairs."*/EUR".multiplier': "[copy]",
        'pairs."BTC/USD".multiplier': "account",
        'pairs."BTC/USD".max_order_notional': "[copy]",
        'pairs."BTC/USD".max_orders_per_day': "account",
        'pairs."ETH/*".multiplier': "account",
        'map."*/USD"': "[copy]",
        'map."BTC/USD"': "account",
    }


def test_a_cap_of_a_pair_in_two_currencies_on_two_levels_is_a_fault_at_its_place() -> None:
    system = '[copy.pairs."BTC/USD"]\nmax_order_notional = "10 USD"\n'
    account = 'copy = { pairs = { "BTC/USD" = { max_order_notional = "20 EUR" } } }\n'
    where, line = the_fault_of(PAPER + system + MASTER + USER + account)
    assert where == "accounts[1].copy.pairs"
    assert 'max_order_notional of "BTC/USD": "20 EUR" here and "10 USD" of [copy] cannot be compared' in line


def test_a_ratio_of_a_pair_above_that_does_nothing_with_the_sizing_here_is_no_fault_here() -> None:
    system = '[copy]\nsizing = "fixed_ratio"\nratio = 1\n[copy.pairs."BTC/*"]\nratio = 2\n'
    account = 'copy = { sizing = "balance_ratio", pairs = { "ETH/*" = { multiplier = 2 } } }\n'
    assert parse(PAPER + system + MASTER + USER + account, "c").users[0].copy.pairs["BTC/*"]
