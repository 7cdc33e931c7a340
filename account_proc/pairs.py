"""Kraken's pairs and assets under all their names, and the rules of each pair. Pure: parses what AssetPairs and Assets answered.

One market has four names: ``XXBTZUSD`` (the answer's key), ``XBTUSD`` (altname), ``XBT/USD`` (wsname) and ``BTC/USD`` (WebSocket v2,
and ours). They are matched by table only: stripping letters breaks on names like USDT, XTZ or ZEC.

Kraken lists some 1,500 pairs, and an account trades a handful. So a table is kept as text, a line for each pair and each name, and a
pair becomes an object when it is first asked for. The text is what processes share (listing.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from decimal import Decimal
from typing import Any, TypeVar

from account_proc.asset_forms import FORMS

#: Kraken: the two assets whose altname is not the name shown to people and used by WebSocket v2.
DISPLAY_NAMES = {"XBT": "BTC", "XDG": "DOGE"}
#: How lines of a table's text begin: the rules of a pair, a name of a pair, a name of an asset.
_RULES, _PAIR_NAME, _ASSET_NAME = "=", ":", "~"
#: Answers of a table that are remembered; an account asks for fewer, and an operator may ask for anything.
ANSWERS_MAX = 500


_Answer = TypeVar("_Answer")


class UnknownSymbol(KeyError):
    """The exchange lists no such pair or asset."""

    def __init__(self, kind: str, name: str) -> None:
        self.name = name
        super().__init__(f"the exchange lists no {kind} {name!r}")

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRules:
    """One market. Prices are in quote for one base, volumes in base."""

    #: Key of AssetPairs, Ticker and mostly TradesHistory, e.g. XXBTZUSD.
    canonical: str
    #: As orders are sent and described, e.g. XBTUSD.
    altname: str
    #: WebSocket v1, e.g. XBT/USD.
    wsname: str
    #: WebSocket v2 and this project, e.g. BTC/USD.
    symbol: str
    #: Display name, e.g. BTC.
    base: str
    quote: str
    lot_decimals: int
    pair_decimals: int
    cost_decimals: int
    #: Prices are multiples of this; it can be coarser than pair_decimals.
    tick_size: Decimal
    #: Least volume of an order, in base.
    ordermin: Decimal
    #: Least cost of an order, in quote.
    costmin: Decimal
    #: Kraken: online, cancel_only, post_only, limit_only, reduce_only.
    status: str


class SymbolTable:
    """All pairs and assets of the exchange at one time."""

    def __init__(self, text: bytes, skipped: tuple[str, ...] = ()) -> None:
        """``text`` as another table has it. Use ``parse`` for Kraken's answers."""
        #: An empty line, then lines of one kind, a name and what it stands for; both in JSON, so that they hold no line's end and no tab.
        self.text = text
        #: Keys of rows that are no pair in a form that we know.
        self.skipped = skipped
        self._pairs: dict[str, PairRules | None] = {}
        self._assets: dict[str, str | None] = {}

    @classmethod
    def parse(cls, asset_pairs: Mapping[str, Any], assets: Mapping[str, Any]) -> SymbolTable:
        """From the results of AssetPairs and Assets. A row that lacks what trading needs is left out and named in ``skipped``."""
        names: dict[str, str] = {}
        for key, row in assets.items():
            altname = str(row.get("altname", key)) if isinstance(row, Mapping) else key
            display = DISPLAY_NAMES.get(altname, altname)
            for spelling in (key, altname, display):
                names.setdefault(spelling, display)
        pairs: list[PairRules] = []
        skipped: list[str] = []
        for key, row in asset_pairs.items():
            try:
                pairs.append(_pair(key, row, names))
            except (KeyError, TypeError, ValueError, ArithmeticError):
                skipped.append(key)
        return cls("\n".join(["", *_lines(pairs, names), ""]).encode("ascii"), tuple(skipped))

    def __len__(self) -> int:
        return self.text.count(f"\n{_RULES}".encode("ascii"))

    def find(self, spelling: str) -> PairRules | None:
        """The pair under any of its names, or None."""
        if spelling not in self._pairs:
            symbol = self._told(_PAIR_NAME, spelling) or self._told(_PAIR_NAME, spelling.upper())
            pair = None
            if symbol is not None:
                pair = self._pairs.get(symbol) or _from_row(self._told(_RULES, symbol))
            _remember(self._pairs, spelling, pair)
        return self._pairs[spelling]

    def pair(self, spelling: str) -> PairRules:
        """The pair under any of its names. Raises UnknownSymbol."""
        found = self.find(spelling)
        if found is None:
            raise UnknownSymbol("pair", spelling)
        return found

    def split_asset(self, spelling: str) -> tuple[str, str]:
        """Display name and form: ``XXBT`` is (BTC, ""), ``USD.F`` is (USD, ".F"), ``XBT28.S`` is (BTC, "28.S"). Raises UnknownSymbol."""
        found = self._display(spelling)
        stem, dot, kind = (found or spelling).rpartition(".")
        if dot and f".{kind}" in FORMS:
            bare = stem if self.lists(stem) else stem.rstrip("0123456789")
            if (of_stem := self._display(bare)) is not None:
                return of_stem, f"{stem[len(bare) :]}.{kind}"
        if found is None:
            raise UnknownSymbol("asset", spelling)
        return found, ""

    def asset(self, spelling: str) -> str:
        """The display name, with its suffix if it has one: ``ZUSD`` is USD, ``XXBT.F`` is BTC.F. Raises UnknownSymbol."""
        return "".join(self.split_asset(spelling))

    def lists(self, asset: str) -> bool:
        """Whether the exchange has an asset of this name."""
        return self._display(asset) is not None

    def _display(self, spelling: str) -> str | None:
        if spelling not in self._assets:
            _remember(self._assets, spelling, self._told(_ASSET_NAME, spelling))
        return self._assets[spelling]

    def _told(self, kind: str, name: str) -> Any:
        """What the text says of a name; None if nothing."""
        key = f"\n{kind}{json.dumps(name)}\t".encode("ascii")
        at = self.text.find(key)
        if at < 0:
            return None
        start = at + len(key)
        return json.loads(self.text[start : self.text.index(b"\n", start)])


def _lines(pairs: Iterable[PairRules], assets: Mapping[str, str]) -> Iterator[str]:
    """The lines of a table's text. ``assets``: the display name by each spelling."""
    by_symbol = {pair.symbol: pair for pair in pairs}
    by_spelling: dict[str, str] = {}
    # An exact name of one pair goes before any other spelling of another one.
    for spelling in ("symbol", "canonical", "altname", "wsname"):
        for pair in by_symbol.values():
            by_spelling.setdefault(getattr(pair, spelling), pair.symbol)
    for name, symbol in list(by_spelling.items()):
        by_spelling.setdefault(name.upper(), symbol)
    for symbol, pair in by_symbol.items():
        yield f"{_RULES}{json.dumps(symbol)}\t{json.dumps(astuple(pair), default=str)}"
    for kind, names in ((_PAIR_NAME, by_spelling), (_ASSET_NAME, assets)):
        for name, meaning in names.items():
            yield f"{kind}{json.dumps(name)}\t{json.dumps(meaning)}"


def _from_row(row: list[Any]) -> PairRules:
    """The rules of a pair as ``_lines`` wrote them."""
    fields = dict(zip(PairRules.__slots__, row, strict=True))
    for name in ("tick_size", "ordermin", "costmin"):
        fields[name] = Decimal(fields[name])
    return PairRules(**fields)


def _remember(answers: dict[str, _Answer], name: str, answer: _Answer) -> None:
    if len(answers) >= ANSWERS_MAX:
        answers.clear()
    answers[name] = answer


def _pair(key: str, row: Mapping[str, Any], names: Mapping[str, str]) -> PairRules:
    base, quote = _display(row["base"], names), _display(row["quote"], names)
    wsname = str(row.get("wsname") or f"{base}/{quote}")
    left, slash, right = wsname.partition("/")
    if not slash:
        raise ValueError(wsname)
    pair_decimals = int(row["pair_decimals"])
    return PairRules(
        canonical=key,
        altname=str(row["altname"]),
        wsname=wsname,
        symbol=f"{DISPLAY_NAMES.get(left, left)}/{DISPLAY_NAMES.get(right, right)}",
        base=base,
        quote=quote,
        lot_decimals=int(row["lot_decimals"]),
        pair_decimals=pair_decimals,
        cost_decimals=int(row["cost_decimals"]),
        tick_size=_positive(row.get("tick_size", Decimal(1).scaleb(-pair_decimals))),
        ordermin=_positive(row["ordermin"]),
        costmin=_positive(row["costmin"]) if "costmin" in row else Decimal(0),
        status=str(row.get("status", "online")),
    )


def _display(asset: str, names: Mapping[str, str]) -> str:
    return names.get(asset) or DISPLAY_NAMES.get(asset, asset)


def _positive(value: str | int | Decimal) -> Decimal:
    number = Decimal(value)
    if not number.is_finite() or number <= 0:
        raise ValueError(value)
    return number
