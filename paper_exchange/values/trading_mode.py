"""The trading mode of the exchange and the status of a pair: what each refuses, and how it is shown. Pure."""

from enum import StrEnum

from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.sides import OrderType


class MarketMode(StrEnum):
    """Kraken: cancel_only and post_only match nothing, maintenance takes not even cancels."""

    ONLINE = "online"
    CANCEL_ONLY = "cancel_only"
    POST_ONLY = "post_only"
    LIMIT_ONLY = "limit_only"
    MAINTENANCE = "maintenance"

    @property
    def matches(self) -> bool:
        """Whether orders fill."""
        return self in {MarketMode.ONLINE, MarketMode.LIMIT_ONLY}

    @property
    def system(self) -> str:
        """What SystemStatus and the `status` channel show. Kraken: limit_only is a state of pairs, not of
        the system.
        """
        return str(MarketMode.ONLINE if self is MarketMode.LIMIT_ONLY else self)


class PairStatus(StrEnum):
    """Kraken: the states of a pair in AssetPairs."""

    ONLINE = "online"
    CANCEL_ONLY = "cancel_only"
    POST_ONLY = "post_only"
    LIMIT_ONLY = "limit_only"
    REDUCE_ONLY = "reduce_only"

    @property
    def matches(self) -> bool:
        """Whether the pair's orders fill."""
        return self not in {PairStatus.CANCEL_ONLY, PairStatus.POST_ONLY}


def check_entry(mode: MarketMode | PairStatus, ordertype: str, *, post: bool) -> None:
    """Refuse a new order that a mode does not let in. Raises KrakenError. Kraken looks at the mode first."""
    if mode.value == MarketMode.ONLINE.value:
        return
    if mode is MarketMode.MAINTENANCE:
        raise KrakenError("EService:Unavailable")
    limit = ordertype == OrderType.LIMIT
    # Without margin there is no position to reduce.
    shut = mode.value in {MarketMode.CANCEL_ONLY.value, PairStatus.REDUCE_ONLY.value}
    if shut or not limit or (mode.value == MarketMode.POST_ONLY.value and not post):
        raise KrakenError(f"EService:Market in {mode} mode")


def check_cancel(mode: MarketMode) -> None:
    """Refuse a cancel in maintenance. Raises KrakenError."""
    if mode is MarketMode.MAINTENANCE:
        raise KrakenError("EService:Unavailable")


def check_amend(mode: MarketMode | PairStatus) -> None:
    """Refuse an amend where no order may come in. Raises KrakenError."""
    if mode is MarketMode.MAINTENANCE:
        raise KrakenError("EService:Unavailable")
    if mode.value in {MarketMode.CANCEL_ONLY.value, PairStatus.REDUCE_ONLY.value}:
        raise KrakenError(f"EService:Market in {mode} mode")
