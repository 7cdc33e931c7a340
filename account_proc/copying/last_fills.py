"""What the last fills were that a user's process has taken: a repeated one is distinguished from another one
of the same number.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from krakencopy.account_proc.copying.fill_faults import FillDiffers
from krakencopy.v1 import types_pb2 as pb

#: More than a stream that is opened again repeats.
KEPT_MAX = 1_000

_Content = tuple[str, str, int, str, str]


class LastFills:
    """The last ``KEPT_MAX`` of this process's life, and what waited when it began."""

    def __init__(self) -> None:
        self._contents: OrderedDict[int, _Content] = OrderedDict()

    def add_fill(self, fill: pb.Fill) -> None:
        """It was taken."""
        self._contents[fill.seq] = _content(fill)
        if len(self._contents) > KEPT_MAX:
            self._contents.popitem(last=False)

    def check_repeated(self, cursor: tuple[int, str], fills: Iterable[pb.Fill]) -> None:
        """Raises FillDiffers where a fill is not the one that was taken under its number. ``cursor``: the
        last of them, by its seq and its execution id.
        """
        for fill in fills:
            is_other = fill.seq == cursor[0] and fill.exec_id != cursor[1]
            if is_other or self.had_other(fill):
                raise FillDiffers(
                    f"fill {fill.seq} came again with other content ({fill.exec_id}): either it or the one "
                    "that was copied is not the journal's. Compare the copies of that number with the "
                    "journal before this user copies on"
                )

    def had_other(self, fill: pb.Fill) -> bool:
        """Whether another fill was taken under this one's number."""
        known = self._contents.get(fill.seq)
        return known is not None and known != _content(fill)


def _content(fill: pb.Fill) -> _Content:
    # Not the pair: a rename changes it in what the journal sends again.
    return fill.exec_id, fill.order_id, fill.side, fill.volume, fill.price
