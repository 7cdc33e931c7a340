"""A fault: in an answer stand values that cannot be true, in the places of some that are. Pure."""

import copy
import random
from typing import Any, Final, TypeVar

from krakencopy.paper_exchange.faults.table import Fault

T = TypeVar("T")

# None of them can be taken for another amount, price, time or id: what is copied must not depend on them.
VALUES: Final[tuple[Any, ...]] = (
    None, True, "", " ", "NaN", "Infinity", "1e400", "-1e400", "1e30", 10**40, "1_000", "\u0661\u0662",
    "0x10", "\ud800", "a\u202eb", "\x1b[31mred", "x" * 5_000, [], [[]], {}, {"a": {}}, ["1"],
)  # fmt: skip
# Places of one answer.
_PLACES_MOST: Final = 3


def with_odd_values(result: T, fault: Fault) -> T:
    """A copy with one to three places that are odd, drawn by the fault's seed and how often it has fired."""
    dice = random.Random(f"{fault.spec.seed}:{fault.fired}")  # noqa: S311 - to be repeated, not secret
    odd = copy.deepcopy(result)
    places = _places(odd)
    for holder, key in dice.sample(places, min(len(places), dice.randint(1, _PLACES_MOST))):
        holder[key] = copy.deepcopy(dice.choice(VALUES))
    return odd


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a structure: what holds it, and its key there."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, inner in list(items):
        found.append((value, key))
        found += _places(inner)
    return found
