"""What tables of several levels make of one rule together, against an independent model."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copy_chain import CHAIN, Chain
from krakencopy.account_proc.contract.pair_patterns import BOTH
from krakencopy.supervisor.config.chain import Chained, Source, covers, extend, shared_pattern

LEVELS = ("[copy]", "group clients", "account")
#: Keys of each kind of value, as the copy rules may have them.
HOW = {
    "near": Chain.OVERRIDES, "share": Chain.TIGHTENS, "count": Chain.TIGHTENS, "amount": Chain.TIGHTENS,
    "money": Chain.TIGHTENS, "exclude": Chain.TIGHTENS, "include": Chain.TIGHTENS,
}  # fmt: skip


@dataclass(frozen=True)
class Money:
    amount: Decimal
    asset: str


@dataclass(frozen=True)
class Rules:
    near: str = "default"
    share: Decimal = Decimal("0.1")
    count: int | None = None
    amount: Decimal | None = None
    amount_asset: str = ""
    money: Money | Decimal | None = None
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()


def chained(*tables: Mapping[str, object]) -> tuple[Chained[Rules], list[str]]:
    found, faults = Chained(Rules()), []
    for level, values in zip(LEVELS, tables, strict=False):
        found, clashes = extend(found, values, lambda _key, level=level: Source(level), HOW)  # type: ignore[misc]
        faults += [f"{level}: {clash.key}: {clash.problem}; {clash.remedy}" for clash in clashes]
    return found, faults


SHARES = st.none() | st.decimals(0, 5, places=3)
COUNTS = st.none() | st.integers(0, 9)


@given(st.lists(st.tuples(SHARES, COUNTS, SHARES), min_size=3, max_size=3))
def test_the_nearest_overrides_and_the_smallest_tightens(
    levels: list[tuple[Decimal | None, int | None, Decimal | None]],
) -> None:
    tables = [
        {
            key: value
            for key, value in (("share", share), ("count", count), ("near", near))
            if value is not None
        }
        for share, count, near in levels
    ]
    found, faults = chained(*tables)
    assert faults == []
    for key, column in (("share", 0), ("count", 1)):
        said = [
            (Fraction(value), place)
            for place, value in enumerate(level[column] for level in levels)
            if value is not None
        ]
        if said:
            smallest, place = min(said)
            assert Fraction(getattr(found.rules, key)) == smallest
            assert found.said[key] == Source(LEVELS[place])
        else:
            assert getattr(found.rules, key) == getattr(Rules(), key)
            assert key not in found.said
    nears = [(level[2], place) for place, level in enumerate(levels) if level[2] is not None]
    assert found.rules.near == (nears[-1][0] if nears else "default")
    assert found.said.get("near") == (Source(LEVELS[nears[-1][1]]) if nears else None)


def test_a_default_that_nobody_says_does_not_tighten() -> None:
    found, _ = chained({}, {}, {"share": Decimal("0.9")})
    assert (found.rules.share, found.said["share"].words) == (Decimal("0.9"), "account")


def test_amounts_of_one_currency_tighten_and_of_two_are_a_fault_that_names_both() -> None:
    of_system = {"amount": Decimal(50), "amount_asset": "USD"}
    found, faults = chained(of_system, {}, {"amount": Decimal(20), "amount_asset": "USD"})
    assert (found.rules.amount, found.rules.amount_asset, faults) == (Decimal(20), "USD", [])
    found, faults = chained(of_system, {}, {"amount": Decimal(90), "amount_asset": "USD"})
    assert (found.rules.amount, found.said["amount"].words) == (Decimal(50), "[copy]")
    found, faults = chained(of_system, {"amount": Decimal(20), "amount_asset": "EUR"})
    assert faults == [
        (
            'group clients: amount: "20 EUR" here and "50 USD" of [copy] cannot be compared, and the smaller '
            "holds; write both in one currency, or both without"
        )
    ]
    assert found.rules.amount == Decimal(50)
    before = Chained(
        Rules(amount=Decimal(9), amount_asset="USD"), {"amount": Source("set for all", is_set=True)}
    )
    new = {"amount": Decimal(9), "amount_asset": "EUR"}
    _, [clash] = extend(before, new, lambda _key: Source("account"), HOW)
    assert '"9 EUR" here and "9 USD" that was set for all cannot be compared' in clash.problem
    _, faults = chained(of_system, {"amount": Decimal(20), "amount_asset": ""})
    assert '"20" here and "50 USD" of [copy]' in faults[0]


def test_money_tightens_as_an_amount_does_and_a_share_is_no_money() -> None:
    found, faults = chained({"money": Money(Decimal(9), "USD")}, {"money": Money(Decimal(10), "USD")})
    assert (found.rules.money, found.said["money"].words, faults) == (Money(Decimal(9), "USD"), "[copy]", [])
    found, _ = chained({"money": Decimal("0.5")}, {}, {"money": Decimal("0.4")})
    assert (found.rules.money, found.said["money"].words) == (Decimal("0.4"), "account")
    _, faults = chained({"money": Money(Decimal(9), "USD")}, {"money": Decimal("0.4")})
    assert '"0.4" here and "9 USD" of [copy] cannot be compared' in faults[0]


def test_what_any_level_excludes_is_excluded() -> None:
    found, _ = chained({"exclude": ("BTC/*",)}, {"exclude": ("*/EUR", "BTC/*")}, {"exclude": ("DOGE/USD",)})
    assert found.rules.exclude == ("BTC/*", "*/EUR", "DOGE/USD")
    assert found.said["exclude"].words == "[copy] and group clients and account"


def test_only_what_all_levels_include_is_included() -> None:
    found, faults = chained({"include": ("BTC/*", "ETH/*")}, {"include": ("*/USD",)}, {"include": ("BTC/*",)})
    assert (found.rules.include, faults) == (("BTC/*&*/USD", "ETH/*&*/USD&BTC/*"), [])
    found, _ = chained({"include": ("BTC/*", "*/EUR")}, {"include": ("BTC/USD", "XBT/EUR")})
    assert found.rules.include == ("BTC/USD", "XBT/EUR", "*/EUR&BTC/USD")
    assert chained({"include": ()}, {"include": ("A/B",)})[0].rules.include == ("A/B",)
    assert chained({"include": ("A/B",)}, {"include": ()})[0].rules.include == ("A/B",)
    _, faults = chained({"include": ("BTC/USD", "ETH/USD")}, {"include": ("SOL/USD",)})
    assert faults == [
        (
            'group clients: include: leaves nothing of what is included by [copy] ("BTC/USD", "ETH/USD"); '
            "include some of that, or take include out here"
        )
    ]


@pytest.mark.parametrize("key", ["include", "exclude"])
def test_lists_that_are_too_long_together_are_a_fault(key: str) -> None:
    many = {key: tuple(f"A{n:03}*" for n in range(60))}
    (fault,) = chained(many, {key: tuple(f"*{n:03}A" for n in range(60))})[1]
    assert f"group clients: {key}: " in fault
    assert "with what is [copy], are more than the 800 that fit; use patterns" in fault


PATTERNS = st.builds(
    lambda base, quote: f"{base}/{quote}", *[st.text("AB*", min_size=1, max_size=2)] * 2
) | st.sampled_from(["*", "A*", "*A"])
PAIRS = [f"{base}/{quote}" for base in ("A", "B", "AB", "BA", "BB") for quote in ("A", "AB", "B")]


def means(pattern: str, pair: str) -> bool:
    return all(fnmatch.fnmatchcase(pair, part) for part in pattern.split(BOTH))


@given(PATTERNS, PATTERNS, PATTERNS)
def test_a_shared_pattern_matches_what_all_of_them_match(one: str, other: str, third: str) -> None:
    shared = shared_pattern(one, other)
    of_three = None if shared is None else shared_pattern(shared, third)
    for pair in PAIRS:
        assert (means(one, pair) and means(other, pair)) == (shared is not None and means(shared, pair)), pair
        all_three = all(means(pattern, pair) for pattern in (one, other, third))
        assert all_three == (of_three is not None and means(of_three, pair)), pair


def test_a_pattern_covers_what_its_writing_shows() -> None:
    assert covers("*/EUR", "BTC/EUR")
    assert covers("*", "B*/EUR")
    assert covers("btc/*", "XBT/*")
    assert covers("BTC/*", "xbt/[A-F]*")
    assert not covers("BTC/EUR", "*/EUR")
    assert not covers("XB*", "XBTUSD"), "which is BTC/USD"
    assert shared_pattern("XBT/USD", "btc/usd") == "btc/usd"
    assert shared_pattern("XBT/*&[A-C]*/USD", "btc/*") == "[A-C]*/USD&btc/*"
    assert shared_pattern("XBTUSD", "BTC/*") == "XBTUSD&BTC/*"


def test_a_value_that_is_set_is_known_as_such() -> None:
    found, _ = extend(
        Chained(Rules(), {"exclude": Source("[copy]")}), {"exclude": ("A/B",)},
        lambda _key: Source("set for the account", is_set=True), HOW,
    )  # fmt: skip
    assert found.said["exclude"] == Source("set for the account", is_set=True)
    found, _ = extend(
        Chained(Rules(exclude=("C/D",)), {"exclude": Source("[copy]")}), {"exclude": ("A/B",)},
        lambda _key: Source("set for the account", is_set=True), HOW,
    )  # fmt: skip
    assert found.said["exclude"] == Source("[copy] and set for the account", is_set=True)


def test_a_kind_of_value_that_nobody_can_tighten_is_a_defect() -> None:
    with pytest.raises(AssertionError, match="near tightens"):
        extend(
            Chained(Rules(near="a"), {"near": Source("[copy]")}), {"near": "b"}, lambda _key: Source("x"),
            {"near": Chain.TIGHTENS},
        )  # fmt: skip


def test_without_a_word_on_it_the_table_of_the_contract_is_used() -> None:
    assert CHAIN["max_slippage_bps"] is Chain.OVERRIDES
