"""What a trade costs: Kraken's fee schedule by 30-day volume in USD, as published in 2026. Percent, not
fractions.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final


@dataclass(frozen=True)
class FeeTier:
    """From `volume` USD traded in 30 days on, these percentages hold."""

    volume: Decimal
    maker: Decimal
    taker: Decimal


SCHEDULE: Final = tuple(
    FeeTier(Decimal(volume), Decimal(maker), Decimal(taker))
    for volume, maker, taker in (
        (0, "0.40", "0.80"),
        (2_500, "0.30", "0.60"),
        (10_000, "0.22", "0.38"),
        (25_000, "0.20", "0.35"),
        (50_000, "0.15", "0.30"),
        (100_000, "0.12", "0.25"),
        (250_000, "0.10", "0.22"),
        (500_000, "0.08", "0.20"),
        (1_000_000, "0.06", "0.18"),
        (2_500_000, "0.04", "0.15"),
        (5_000_000, "0.02", "0.12"),
        (10_000_000, "0.00", "0.10"),
    )
)


def tier_index(volume_usd: Decimal) -> int:
    """The place in SCHEDULE of the tier that a 30-day volume reaches."""
    reached = 0
    for index, tier in enumerate(SCHEDULE):
        if volume_usd >= tier.volume:
            reached = index
    return reached


def rate(volume_usd: Decimal, *, maker: bool) -> Decimal:
    """The fee of one trade as a fraction of its cost (or of its volume, where the fee is taken in base)."""
    tier = SCHEDULE[tier_index(volume_usd)]
    return (tier.maker if maker else tier.taker) / 100
