"""A new pair as the control API is given it, with the assets that it brings along. Pure."""

from decimal import Decimal
from typing import Any, Final

from krakencopy.paper_exchange.control import forms
from krakencopy.paper_exchange.control.forms import ControlRefusal
from krakencopy.paper_exchange.values import catalogue as names
from krakencopy.paper_exchange.values.catalogue import Catalogue
from krakencopy.paper_exchange.values.decimals import decimals_of, rounded, rounded_up, unit
from krakencopy.paper_exchange.values.pairs import CURRENCY, TOKENISED, Asset, Pair

PAIR_FIELDS: Final = frozenset(
    {
        "base",
        "quote",
        "price",
        "altname",
        "wsname",
        "key",
        "aclass_base",
        "ordermin",
        "costmin",
        "lot_decimals",
        "pair_decimals",
        "tick_size",
    }
)

_DECIMALS_MOST: Final = 18
# Kraken has these for most coins.
_ASSET_DECIMALS: Final = 10
_DISPLAY_DECIMALS: Final = 5
_LOT_DECIMALS: Final = 8
# What waits at each level of a new pair's book, in quote.
_DEPTH_IN_QUOTE: Final = 1_000


def pair_of(body: dict[str, Any], catalogue: Catalogue) -> Pair:
    """A pair whose spellings are free; one of its assets may be new. Raises ControlRefusal."""
    base = _asset(body.get("base"), "base", catalogue, _aclass(body.get("aclass_base", CURRENCY)))
    quote = _asset(body.get("quote"), "quote", catalogue, CURRENCY)
    price = forms.positive(body.get("price"), "price")
    tick = _tick(body, price)
    if price % tick:
        raise ControlRefusal(400, f"price: not a multiple of the tick size {tick:f}")
    altname = _spelling(body, "altname", f"{base.altname}{quote.altname}")
    pair = Pair(
        id=_spelling(body, "key", altname),
        altname=altname,
        wsname=_spelling(body, "wsname", f"{base.altname}/{quote.altname}"),
        symbol=f"{base.name}/{quote.name}",
        base=base,
        quote=quote,
        tick_size=tick,
        ordermin=forms.positive(body.get("ordermin", "0.0001"), "ordermin"),
        costmin=forms.positive(body.get("costmin", "0.5"), "costmin"),
        start_price=price,
        depth=rounded_up(_DEPTH_IN_QUOTE / price, unit(_lots(body))),
        lot_decimals=_lots(body),
    )
    for field in ("id", "altname", "wsname", "symbol"):
        spelling = getattr(pair, field)
        if not catalogue.free(spelling):
            raise ControlRefusal(409, f"{field}: {spelling} is the name of a pair or an asset already")
    return pair


def _asset(name: object, field: str, catalogue: Catalogue, aclass: str) -> Asset:
    found = catalogue.find_asset(name) if isinstance(name, str) else None
    if found is not None:
        if found.underlying is not None or (field == "base" and found.aclass != aclass):
            raise ControlRefusal(400, f"{field}: it is a form, or of another class")
        return found
    if not isinstance(name, str) or not names.is_name(name):
        raise ControlRefusal(400, f"{field}: expected up to 16 letters and digits")
    if not catalogue.free(name):
        raise ControlRefusal(409, f"{field}: {name} is the name of a pair already")
    return Asset(name, name, name, _ASSET_DECIMALS, _DISPLAY_DECIMALS, aclass=aclass)


def _aclass(value: object) -> str:
    if value not in {CURRENCY, TOKENISED}:
        raise ControlRefusal(400, f"aclass_base: expected {CURRENCY} or {TOKENISED}")
    return str(value)


def _tick(body: dict[str, Any], price: Decimal) -> Decimal:
    """The tick; a price is shown with its decimals. Without one: a hundredth of a percent or finer."""
    decimals = (
        forms.whole(body["pair_decimals"], "pair_decimals", _DECIMALS_MOST)
        if "pair_decimals" in body
        else None
    )
    if "tick_size" not in body:
        return unit(decimals if decimals is not None else max(decimals_of(price), 2))
    tick = forms.positive(body["tick_size"], "tick_size")
    if decimals is not None and decimals_of(tick) != decimals:
        raise ControlRefusal(400, f"tick_size: the pair's prices have {decimals} decimals")
    return rounded(tick, unit(decimals_of(tick)))


def _lots(body: dict[str, Any]) -> int:
    return forms.whole(body.get("lot_decimals", str(_LOT_DECIMALS)), "lot_decimals", _DECIMALS_MOST)


def _spelling(body: dict[str, Any], field: str, default: str) -> str:
    value = body.get(field, default)
    if (
        not isinstance(value, str)
        or not value.isascii()
        or not value.isprintable()
        or not 1 <= len(value) <= 33
    ):
        raise ControlRefusal(400, f"{field}: expected up to 33 characters")
    return value
