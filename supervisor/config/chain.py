"""The chain of settings: what the system's table, a group's and an account's make of each rule together.

How a key goes along the chain is in ``CHAIN`` (account_proc/contract/copy_chain.py). Pure; it must not know
what a key means, nor where a table was written.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Generic, NamedTuple, TypeVar

from krakencopy.account_proc.contract.copy_chain import CHAIN, Chain
from krakencopy.account_proc.contract.loss_limits import LIMITS_MAX, LossLimit
from krakencopy.account_proc.contract.pair_patterns import BOTH
from krakencopy.account_proc.contract.pair_spellings import coin_name

Rules = TypeVar("Rules", bound=Any)
Patterns = tuple[str, ...]
#: Of one list: an account's whole specification travels in one page of a pipe.
LIST_BYTES_MAX = 800
_PAIR = re.compile(r"[A-Za-z0-9]+/[A-Za-z0-9]+", re.ASCII)
#: The asset of an amount stands beside it: ``notional`` and ``notional_asset`` are one key.
ASSET = "_asset"


class Source(NamedTuple):
    """Who says the value that a key has."""

    #: For people: "[copy]", "group clients", "account", or that it was set there while running.
    words: str
    #: Whether it was set while running, and not written in the file.
    is_set: bool = False


class Clash(NamedTuple):
    """Two values of a key that tightens, of which none is the stricter."""

    key: str
    problem: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Chained(Generic[Rules]):
    """The rules as far as the chain was followed, and by key who says them; who does not stand there leaves
    the default.
    """

    rules: Rules
    said: Mapping[str, Source] = field(default_factory=dict)


def extend(
    before: Chained[Rules],
    values: Mapping[str, Any],
    source_of: Callable[[str], Source],
    chain: Mapping[str, Chain] = CHAIN,
) -> tuple[Chained[Rules], list[Clash]]:
    """The chain with one more link: ``values`` by field, as a copy table has them, and who says each key."""
    taken: dict[str, Any] = {}
    said = dict(before.said)
    clashes: list[Clash] = []
    for key in (name for name in values if not name.endswith(ASSET)):
        if isinstance(values[key], Mapping):
            taken[key], found = _merged(key, getattr(before.rules, key), values[key], said, source_of, chain)
            clashes += found
            continue
        both = {name: values[name] for name in (key, key + ASSET) if name in values}
        tightens = chain.get(key) is Chain.TIGHTENS and key in said
        if not tightens:
            taken |= both
            said[key] = source_of(key)
            continue
        kept = {name: getattr(before.rules, name) for name in both}
        stricter = _stricter(key, kept, both, said[key])
        if isinstance(stricter, Clash):
            clashes.append(stricter)
        elif stricter != kept:
            taken |= stricter
            alone = stricter == both
            said[key] = source_of(key) if alone else _joined(said[key], source_of(key))
    return Chained(replace(before.rules, **taken), said), clashes


def _merged(
    key: str, old: Mapping[str, Any], new: Mapping[str, Any], said: dict[str, Source],
    source_of: Callable[[str], Source], chain: Mapping[str, Chain],
) -> tuple[dict[str, Any], list[Clash]]:  # fmt: skip
    """A table with more of it: each line by itself, and of one that is a table each of its keys as it goes
    along the chain. Notes in ``said`` who says each, by its path.
    """
    taken, clashes = dict(old), list[Clash]()
    said[key] = source_of(key)
    for name, value in new.items():
        path = f'{key}."{name}"'
        if not isinstance(value, Mapping):
            taken[name], said[path] = value, source_of(key)
            continue
        line = taken[name] = dict(taken.get(name, {}))
        for inner, its_value in value.items():
            its_path = f"{path}.{inner}"
            here: Mapping[str, Any] = {inner: its_value}
            strictest: Mapping[str, Any] | Clash = here
            if chain.get(inner) is Chain.TIGHTENS and inner in line:
                strictest = _stricter(inner, {inner: line[inner]}, here, said[its_path])
            if isinstance(strictest, Clash):
                problem = f'{inner} of "{name}": {strictest.problem}'
                clashes.append(strictest._replace(key=key, problem=problem))
            elif strictest[inner] != line.get(inner):
                line[inner], said[its_path] = its_value, source_of(key)
    return taken, clashes


def _joined(one: Source, other: Source) -> Source:
    return Source(f"{one.words} and {other.words}", one.is_set or other.is_set)


def _stricter(
    key: str, kept: Mapping[str, Any], new: Mapping[str, Any], kept_by: Source
) -> Mapping[str, Any] | Clash:
    """The stricter of two values, each with its asset if it is an amount."""
    old_value, new_value = kept[key], new[key]
    match old_value, new_value:
        case tuple(), tuple():
            combine: _Combine = _COMBINED.get(key, _included)
            return combine(key, old_value, new_value, kept_by)
    old, new_amount = (_amount(key, value) for value in (kept, new))
    if old[1] != new_amount[1]:
        old_words, new_words = (f'"{f"{number} {asset}".strip()}"' for number, asset in (old, new_amount))
        return Clash(
            key,
            f"{new_words} here and {old_words} {_by(kept_by)} cannot be compared, and the smaller holds",
            "write both in one currency, or both without",
        )
    return new if new_amount[0] < old[0] else kept


def _by(source: Source) -> str:
    """Behind a value, who says it."""
    return f"that was {source.words}" if source.is_set else f"of {source.words}"


def _amount(key: str, values: Mapping[str, Any]) -> tuple[Decimal | int | float, str]:
    """A number and its asset, which is empty for what is no money."""
    value = values[key]
    asset = getattr(value, "asset", values.get(key + ASSET, ""))
    number = getattr(value, "amount", value)
    assert isinstance(number, Decimal | int | float), f"{key} tightens, and {value!r} has no stricter value"
    return number, asset


# -- lists of patterns ---------------------------------------------------------------------------------------


def _excluded(key: str, old: Patterns, new: Patterns, old_by: Source) -> Mapping[str, Any] | Clash:
    """What any of two lists excludes."""
    return _short_enough(key, tuple(dict.fromkeys((*old, *new))), old_by)


def _included(key: str, old: Patterns, new: Patterns, old_by: Source) -> Mapping[str, Any] | Clash:
    """What both of two lists include; one that is empty includes all."""
    if not old or not new:
        return {key: old or new}
    both = (shared_pattern(*pair) for pair in itertools.product(old, new))
    found = tuple(dict.fromkeys(pattern for pattern in both if pattern is not None))
    if not found:
        listed = ", ".join(f'"{pattern}"' for pattern in old)
        problem = f"leaves nothing of what is included by {old_by.words} ({listed})"
        return Clash(key, problem, f"include some of that, or take {key} out here")
    return _short_enough(key, found, old_by)


def _limited(
    key: str, old: tuple[LossLimit, ...], new: tuple[LossLimit, ...], old_by: Source
) -> Mapping[str, Any] | Clash:
    """All limits of both. A name is that of one limit: by it that one is reset."""
    named = {limit.name: limit for limit in old}
    for limit in new:
        if (other := named.setdefault(limit.name, limit)) != limit:
            problem = f'"{limit.name}" is another limit {_by(old_by)} ({other})'
            return Clash(key, problem, 'give it a name of its own: name = "..."')
    if len(named) > LIMITS_MAX:
        problem = f"{len(named)} limits, with those {_by(old_by)}, are more than {LIMITS_MAX}"
        return Clash(key, problem, "take some out")
    return {key: tuple(named.values())}


def _short_enough(key: str, patterns: Patterns, old_by: Source) -> Mapping[str, Any] | Clash:
    size = len(json.dumps(patterns))
    if size > LIST_BYTES_MAX:
        problem = f"{size} bytes, with what is {old_by.words}, are more than the {LIST_BYTES_MAX} that fit"
        return Clash(key, problem, "use patterns, such as */EUR")
    return {key: patterns}


_Combine = Callable[[str, Any, Any, Source], Mapping[str, Any] | Clash]
_COMBINED: Mapping[str, _Combine] = {
    "exclude": _excluded,
    "limits": _limited,
}


def shared_pattern(one: str, other: str) -> str | None:
    """The pattern of what two patterns match both: the narrower, or both with ``BOTH`` between them, of
    which a pair has to match each. None for two pairs that are written with other names.
    """
    parts = list(dict.fromkeys((*one.split(BOTH), *other.split(BOTH))))
    kept = list(parts)
    for part in parts:
        # Of two spellings of one pattern, which cover each other, one stays.
        if any(covers(part, each) for each in kept if each != part):
            kept.remove(part)
    named = {tuple(map(coin_name, part.split("/"))) for part in kept if _PAIR.fullmatch(part)}
    return BOTH.join(kept) if len(named) <= 1 else None


def covers(wide: str, narrow: str) -> bool:
    """Whether it shows in their writing that one pattern matches all that another one matches."""
    if wide in {narrow, "*", "*/*"}:
        return True
    sides = [pattern.split("/") for pattern in (wide, narrow)]
    if any(len(side) != 2 for side in sides):
        return False
    return all(
        of_wide in {"*", of_narrow}
        or (of_wide.isalnum() and of_narrow.isalnum() and coin_name(of_wide) == coin_name(of_narrow))
        for of_wide, of_narrow in zip(*sides, strict=True)
    )
