"""Lists that hide their pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

#: The server's own limit for a page (control.proto).
PAGE_SIZE_MAX = 1000


def page_size(limit: int | None) -> int:
    """How many items to ask for at once."""
    return PAGE_SIZE_MAX if limit is None else min(limit, PAGE_SIZE_MAX)


def pages(page: Callable[[str], tuple[Iterable[T], str]], limit: int | None) -> Iterator[T]:
    """All items of all pages, at most ``limit``."""
    left = limit
    token = ""
    while left is None or left > 0:
        items, token = page(token)
        for item in items:
            yield item
            if left is not None:
                left -= 1
                if left == 0:
                    return
        if not token:
            return
