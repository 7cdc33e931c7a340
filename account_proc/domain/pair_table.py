"""All pairs and assets of an exchange under all their names. Pure.

Names are matched by table only: stripping letters breaks on names like USDT, XTZ or ZEC.

A row that could not be read is named as skipped, and an account that knew the pair from an earlier table goes
on by that (``remembering``), as for a pair that is not listed any more.

Kraken lists some 1,500 pairs, and an account trades a handful. So a table is kept as text, a line for each
pair and each name, and a pair becomes an object when it is first asked for. The text is what processes share
(kraken/pairs_cache.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

from krakencopy.account_proc.contract.pair_spellings import find_pair, nearest_pairs
from krakencopy.account_proc.domain.asset_forms import FORMS, may_be_form
from krakencopy.account_proc.domain.pairs import NOT_LISTED, PairRules, rules_from, rules_line

#: How lines of a table's text begin: the rules of a pair, a name of a pair, a name of an asset, a name of a
#: row that could not be read.
_RULES, _PAIR_NAME, _ASSET_NAME, _SKIPPED = "=", ":", "~", "!"
#: Answers of a table that are remembered; an account asks for fewer, and an operator may ask for anything.
ANSWERS_MAX = 500

_Answer = TypeVar("_Answer")


class UnknownName(KeyError):
    """The exchange lists no such pair or asset."""

    def __init__(self, kind: str, name: str) -> None:
        self.name = name
        super().__init__(f"the exchange lists no {kind} {name!r}")

    def __str__(self) -> str:
        return str(self.args[0])


class PairTable:
    """All pairs and assets of the exchange at one time."""

    def __init__(self, text: bytes) -> None:
        """``text`` as another table has it."""
        #: An empty line, then lines of one kind, a name and what it stands for; both in JSON, so that they
        #: hold no line's end and no tab.
        self.text = text
        self._pairs: dict[str, PairRules | None] = {}
        self._assets: dict[str, str | None] = {}
        self._cost_steps: dict[str, Decimal] = {}
        #: By what was asked for, the name of the pair that is meant.
        self._written: dict[str, str | None] = {}

    @classmethod
    def of(
        cls, pairs: Iterable[PairRules], assets: Mapping[str, str], skipped: Mapping[str, str]
    ) -> PairTable:
        """``assets``: the display name by each spelling. ``skipped``: the key of a row that is no pair, by
        each of its names.
        """
        lines = [*_lines(pairs, assets), *_named(_SKIPPED, skipped)]
        return cls("\n".join(["", *lines, ""]).encode("ascii"))

    def remembering(self, earlier: Iterable[PairRules]) -> PairTable:
        """The same, with the rules of pairs that are not in it any more, as they were last.

        They have the status NOT_LISTED, but those that are listed in a row that cannot be read.
        """
        gone = [
            pair if self._meaning(_SKIPPED, pair.canonical) is not None else replace(pair, status=NOT_LISTED)
            for pair in earlier
            if self.find(pair.name) is None
        ]
        if not gone:
            return self
        # What the exchange tells stands before it, so that a name which means another pair now means that.
        assets = {asset: asset for pair in gone for asset in (pair.base, pair.quote)}
        lines = [*_lines(gone, assets), ""]
        return PairTable(self.text + "\n".join(lines).encode("ascii"))

    @property
    def skipped(self) -> tuple[str, ...]:
        """Keys of rows that are no pair in a form that we know."""
        mark = _SKIPPED.encode("ascii")
        lines = (line for line in self.text.split(b"\n") if line.startswith(mark))
        return tuple(dict.fromkeys(json.loads(line[line.index(b"\t") :]) for line in lines))

    @property
    def answers(self) -> int:
        """How many names of pairs were asked for."""
        return len(self._pairs)

    @property
    def asked(self) -> tuple[PairRules, ...]:
        """The pairs that were asked for, each once."""
        return tuple({pair.name: pair for pair in self._pairs.values() if pair is not None}.values())

    def __len__(self) -> int:
        return self.text.count(f"\n{_RULES}".encode("ascii"))

    def find(self, spelling: str) -> PairRules | None:
        """The pair under any of its names, or None."""
        if spelling not in self._pairs:
            name = self._meaning(_PAIR_NAME, spelling) or self._meaning(_PAIR_NAME, spelling.upper())
            pair = None
            if name is not None:
                pair = self._pairs.get(name) or rules_from(self._meaning(_RULES, name))
            _remember(self._pairs, spelling, pair)
        return self._pairs[spelling]

    def find_written(self, written: str) -> PairRules | None:
        """The pair that a person or a program asks for, also in spellings that the exchange does not use
        (contract/pair_spellings.py), or None.
        """
        found = self.find(written)
        if found is None and written not in self._written:
            _remember(self._written, written, find_pair(written, self.names()))
        name = self._written.get(written)
        return found if name is None else self.find(name)

    def nearest(self, written: str) -> list[str]:
        """Pairs that may have been meant by one that is not listed."""
        return nearest_pairs(written, self.names())

    def names(self) -> list[str]:
        """All pairs (BTC/USD)."""
        mark = _RULES.encode("ascii")
        lines = (line for line in self.text.split(b"\n") if line.startswith(mark))
        return [json.loads(line[1 : line.index(b"\t")]) for line in lines]

    def pair(self, spelling: str) -> PairRules:
        """The pair under any of its names. Raises UnknownName."""
        found = self.find(spelling)
        if found is None:
            raise UnknownName("pair", spelling)
        return found

    def split_asset(self, spelling: str) -> tuple[str, str]:
        """Display name and form: ``XXBT`` is (BTC, ""), ``USD.F`` is (USD, ".F"), ``XBT28.S`` is (BTC,
        "28.S"). Raises UnknownName.
        """
        found = self._display(spelling)
        stem, dot, kind = (found or spelling).rpartition(".")
        if f"{dot}{kind}" in FORMS and (parts := self._form_of(stem, f"{dot}{kind}")):
            return parts
        if found is None:
            raise UnknownName("asset", spelling)
        return found, ""

    def _form_of(self, stem: str, form: str) -> tuple[str, str] | None:
        """Display name and form of what is written so; None where the exchange lists no such asset."""
        bare = stem if self.lists(stem) else stem.rstrip("0123456789")
        of_stem = self._display(bare)
        return None if of_stem is None else (of_stem, f"{stem[len(bare) :]}{form}")

    def asset(self, spelling: str) -> str:
        """The display name, with its suffix if it has one: ``ZUSD`` is USD, ``XXBT.F`` is BTC.F. Raises
        UnknownName.
        """
        return "".join(self.split_asset(spelling))

    def held_as(self, spelling: str) -> str:
        """The name of a balance: as ``asset``, also in a form that is in no table yet. What is not listed
        keeps the exchange's own name.
        """
        stem, dot, kind = (self._display(spelling) or spelling).rpartition(".")
        parts = self._form_of(stem, f"{dot}{kind}") if stem and may_be_form(f"{dot}{kind}") else None
        if parts is not None:
            return "".join(parts)
        return self._display(spelling) or spelling

    def lists(self, asset: str) -> bool:
        """Whether the exchange has an asset of this name."""
        return self._display(asset) is not None

    def id_of(self, asset: str) -> str | None:
        """The exchange's id of an asset that is known by its display name; None if it lists no such asset."""
        meaning = f"\t{json.dumps(asset)}\n".encode("ascii")
        at = self.text.find(meaning)
        while at >= 0:
            line = self.text[self.text.rindex(b"\n", 0, at) + 1 : at]
            if line.startswith(_ASSET_NAME.encode("ascii")):
                return str(json.loads(line[1:]))  # an asset's id stands before its other spellings
            at = self.text.find(meaning, at + 1)
        return None

    def trades(self, asset: str) -> bool:
        """Whether a pair with this asset is open for trading; those that end are cancel_only at last."""
        return any(rules.status not in {NOT_LISTED, "cancel_only"} for rules in self._rules_with(asset))

    def cost_step(self, asset: str) -> Decimal:
        """The coarsest step to which what is paid in an asset is rounded; 0 where nothing is paid in it."""
        if asset not in self._cost_steps:
            decimals = [rules.cost_decimals for rules in self._rules_with(asset) if rules.quote == asset]
            step = Decimal(1).scaleb(-min(decimals)) if decimals else Decimal(0)
            _remember(self._cost_steps, asset, step)
        return self._cost_steps[asset]

    def _rules_with(self, asset: str) -> Iterator[PairRules]:
        mark = _RULES.encode("ascii")
        for line in self.text.split(b"\n"):
            name, _, rules = line[1:].partition(b"\t")
            if line.startswith(mark) and asset in json.loads(name).split("/"):
                yield rules_from(json.loads(rules))

    def _display(self, spelling: str) -> str | None:
        if spelling not in self._assets:
            _remember(self._assets, spelling, self._meaning(_ASSET_NAME, spelling))
        return self._assets[spelling]

    def _meaning(self, kind: str, name: str) -> Any:
        """What the text says of a name; None if nothing."""
        key = f"\n{kind}{json.dumps(name)}\t".encode("ascii")
        at = self.text.find(key)
        if at < 0:
            return None
        start = at + len(key)
        return json.loads(self.text[start : self.text.index(b"\n", start)])


def _lines(pairs: Iterable[PairRules], assets: Mapping[str, str]) -> Iterator[str]:
    """The lines of a table's text. ``assets``: the display name by each spelling."""
    by_name = {pair.name: pair for pair in pairs}
    by_spelling: dict[str, str] = {}
    # An exact name of one pair goes before any other spelling of another one.
    for spelling in ("name", "canonical", "altname", "wsname"):
        for pair in by_name.values():
            by_spelling.setdefault(getattr(pair, spelling), pair.name)
    for spelled, name in list(by_spelling.items()):
        by_spelling.setdefault(spelled.upper(), name)
    for name, pair in by_name.items():
        yield f"{_RULES}{json.dumps(name)}\t{json.dumps(rules_line(pair))}"
    yield from _named(_PAIR_NAME, by_spelling)
    yield from _named(_ASSET_NAME, assets)


def _named(kind: str, names: Mapping[str, str]) -> Iterator[str]:
    for name, meaning in names.items():
        yield f"{kind}{json.dumps(name)}\t{json.dumps(meaning)}"


def _remember(answers: dict[str, _Answer], name: str, answer: _Answer) -> None:
    if len(answers) >= ANSWERS_MAX:
        answers.clear()
    answers[name] = answer
