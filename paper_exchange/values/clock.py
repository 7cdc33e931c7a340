"""The exchange's clock against the true one: all that clients see is stamped by it. Pure arithmetic."""

from dataclasses import dataclass
from decimal import Decimal

from krakencopy.paper_exchange.values.decimals import ZERO


@dataclass(frozen=True, slots=True)
class Clock:
    """Off by `offset_us`, and by `drift` more for every unit of true time since `since_us` (0.001: a
    millisecond a second).
    """

    offset_us: int = 0
    drift: Decimal = ZERO
    since_us: int = 0

    @property
    def is_true(self) -> bool:
        """Whether it shows the true time."""
        return not self.offset_us and not self.drift

    def wall_us(self, true_us: int) -> int:
        """What it shows at a time."""
        drifted = int(self.drift * (true_us - self.since_us)) if self.drift else 0
        return true_us + self.offset_us + drifted

    def true_us(self, wall_us: int) -> int:
        """The time at which it shows `wall_us`."""
        shown_us = wall_us - self.offset_us
        if not self.drift:
            return shown_us
        return self.since_us + int((shown_us - self.since_us) / (1 + self.drift))
