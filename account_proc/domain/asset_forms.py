"""The forms in which Kraken lists one asset's balances, and what each is worth for copying. Pure: one table.

``XBT.F`` is bitcoin that earns by itself, ``DOT28.S`` are bonded polkadots: other names in Balance, the same
coin. Each form has its line here; the code that needs to know whether coins count, or can be sold, asks this
table and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One form. All of them count for equity, and as coins that are there."""

    #: Whether an order in the plain asset takes coins in this form as well.
    tradable: bool
    #: Where that comes from.
    source: str


#: By the end of the name. Where a line is unverified and wrong, an order is refused for funds: an exit is
#: then cut to what is there in plain form and the rest stays owed (copying/copy_execution.py), an entry is
#: cut likewise.
FORMS: Mapping[str, Form] = {
    ".F": Form(
        tradable=True,
        source='Kraken, Get Account Balance: "USDT to transact with your USDT and USDT.F" (Auto Earn)',
    ),
    ".T": Form(
        tradable=True,
        source="Kraken, Get Account Balance: tokenised assets, which have no other form; unverified",
    ),
    ".B": Form(
        tradable=False, source="Kraken, Get Account Balance: yield-bearing products, similar to .S and .M"
    ),
    ".S": Form(
        tradable=False, source="Kraken, Get Account Balance: staked; bonded ones carry days (DOT28.S)"
    ),
    ".M": Form(tradable=False, source="Kraken, Get Account Balance: opt-in rewards"),
    ".P": Form(
        tradable=False,
        source="Kraken's assets: locked in parachain auctions; unverified whether still in use",
    ),
    ".HOLD": Form(
        tradable=False,
        source="Kraken's assets: withheld, e.g. after a card purchase; unverified whether an order takes it",
    ),
}
#: What a form is that is not in the table (Kraken has added .F, .B and .T since 2023): like what earns by
#: itself, it is taken to be sold until an order is refused for it.
NEW_FORM = Form(tradable=True, source="none: a form that is newer than this table")
#: How such forms look. BRK.Bx is an asset by itself.
_NEW = re.compile(r"\.[A-Z]{1,8}")
#: Names that are another asset's form without looking like it. Kraken: ETH2 is staked ether, from before the
#: merge.
ALIASES: Mapping[str, tuple[str, str]] = {"ETH2": ("ETH", ".S")}


def may_be_form(end: str) -> bool:
    """Whether the end of a name, with its dot, is a form of what stands before it, if that is an asset."""
    return end in FORMS or _NEW.fullmatch(end) is not None


def split_form(name: str, is_asset: Callable[[str], bool] = lambda _: False) -> tuple[str, str]:
    """Asset and form: ``BTC.F`` is (BTC, ".F"), ``DOT28.S`` is (DOT, ".S"), ``BTC`` is (BTC, "").

    ``is_asset``: whether the exchange lists a name, so that the digits of LUNA2 stay.
    """
    stem, dot, end = name.rpartition(".")
    form = f"{dot}{end}"
    if not stem or not may_be_form(form):
        return ALIASES.get(name, (name, ""))
    if stem in ALIASES:
        return ALIASES[stem][0], form
    bare = stem.rstrip("0123456789")
    if bare and bare != stem and not is_asset(stem):
        stem = bare
    return (stem, form) if form in FORMS or is_asset(stem) else (name, "")


def is_tradable(form: str) -> bool:
    """Whether an order takes coins in this form; the plain form is empty."""
    return not form or FORMS.get(form, NEW_FORM).tradable


def by_use(
    balances: Mapping[str, Decimal], is_asset: Callable[[str], bool] = lambda _: False
) -> dict[str, Decimal]:
    """Balances by what can be done with them: all that an order takes under the asset's name, the rest as
    ``BTC.S``.
    """
    folded: dict[str, Decimal] = {}
    for name, amount in balances.items():
        asset, form = split_form(name, is_asset)
        key = asset if is_tradable(form) else f"{asset}{form}"
        folded[key] = folded.get(key, Decimal(0)) + amount
    return folded


def earning(
    balances: Mapping[str, Decimal], is_asset: Callable[[str], bool] = lambda _: False
) -> dict[str, Decimal]:
    """Of ``by_use``, what is not in the plain form although an order takes it."""
    found: dict[str, Decimal] = {}
    for name, amount in balances.items():
        asset, form = split_form(name, is_asset)
        if form and is_tradable(form) and amount:
            found[asset] = found.get(asset, Decimal(0)) + amount
    return found


def worth_as(name: str) -> str:
    """The asset that a balance of ``by_use`` counts as, e.g. ``BTC.S`` as BTC."""
    stem, dot, end = name.rpartition(".")
    return stem if f"{dot}{end}" in FORMS else name


def locked(names: Iterable[str], asset: str) -> list[str]:
    """Of the names of ``by_use``, those that are this asset in a form that no order takes."""
    return [name for name in names if name != asset and worth_as(name) == asset]
