"""The trading mode of the exchange: what each mode refuses, and how it is shown. Pure."""

from enum import StrEnum

from paper_exchange.errors import KrakenError
from paper_exchange.params import Params
from paper_exchange.tape import OrderType


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
        """What SystemStatus and the `status` channel show. Kraken: limit_only is a state of pairs, not of the system."""
        return str(MarketMode.ONLINE if self is MarketMode.LIMIT_ONLY else self)


def check_entry(mode: MarketMode, params: Params) -> None:
    """Refuse an AddOrder that the mode does not let in. Raises KrakenError. Kraken looks at the mode first."""
    if mode is MarketMode.ONLINE:
        return
    limit = params.values.get("ordertype") == OrderType.LIMIT
    post = "post" in [flag.strip() for flag in str(params.values.get("oflags", "")).split(",")]
    if mode is MarketMode.MAINTENANCE:
        raise KrakenError("EService:Unavailable")
    if mode is MarketMode.CANCEL_ONLY or not limit or (mode is MarketMode.POST_ONLY and not post):
        raise KrakenError(f"EService:Market in {mode} mode")


def check_cancel(mode: MarketMode) -> None:
    """Refuse a cancel in maintenance. Raises KrakenError."""
    if mode is MarketMode.MAINTENANCE:
        raise KrakenError("EService:Unavailable")
