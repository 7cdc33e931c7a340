"""Has Python number all types, before anything is forked.

CPython numbers a type when an attribute is looked up on it for the first time, and writes that into the type
(``assign_version_tag`` in Objects/typeobject.c). Each process that is forked before that does it by itself,
in copies of the pages on which types lie: 80 of the 3,820 pages that an account's process copied. It knows
neither what was imported nor who forks.
"""

from __future__ import annotations


def number_types() -> None:
    """All that there are now."""
    todo, seen = [object], {object}
    while todo:
        kind = todo.pop()
        # Found on each of them, so no metaclass is asked to make one up.
        getattr(kind, "__init__")  # noqa: B009 - the look-up is what it is for
        fresh = set(type.__subclasses__(kind)) - seen
        seen |= fresh
        todo += fresh
