"""How much of a strategy's intent may be ordered. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.domain.quantities import BPS, Side
from krakencopy.account_proc.strategy.api import OrderIntent
from krakencopy.account_proc.trading.broker import Holdings, Market, Quote

#: Costs are shown as fine as the finest quote.
COST_DECIMALS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLimits:
    """What a strategy may do."""

    #: Share of the account's equity that its position in one pair may cost.
    risk: Decimal
    #: How much worse than the best price a market order is assumed to be filled, in 1/100 of a percent.
    slippage_bps: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """What of an intent is ordered; a volume of 0 means nothing, for the reason."""

    volume: Decimal
    reason: str


def allowed(
    intent: OrderIntent,
    market: Market,
    holdings: Holdings,
    held: Decimal,
    cost: Decimal,
    quote: Quote,
    limits: RiskLimits,
) -> Allowance:
    """How much of an intent may be ordered. Pure. ``held`` (base) and ``cost`` (quote): what the strategy
    has in the pair.
    """
    if (intent.volume is None) == (intent.share is None):
        return Allowance(Decimal(0), "give either volume or share")
    if intent.side is Side.SELL:
        most = min(held, holdings.base)
        wanted = held * intent.share if intent.share is not None else intent.volume
        assert wanted is not None
        reason = "" if wanted <= most else "cut to what the strategy holds"
        return _whole(min(wanted, most), intent.limit_price or quote.bid, market, reason)
    if holdings.equity is None:
        return Allowance(Decimal(0), "the account's equity is not known")
    price = intent.limit_price or quote.ask * (1 + Decimal(limits.slippage_bps) / BPS)
    wanted = holdings.equity * intent.share / price if intent.share is not None else intent.volume
    assert wanted is not None
    by_risk = max(holdings.equity * limits.risk - cost, Decimal(0)) / price
    by_cash = max(holdings.cash, Decimal(0)) / price
    reason = ""
    if wanted > min(by_risk, by_cash):
        reason = "cut to strategy_risk" if by_risk <= by_cash else "cut to the free cash"
    return _whole(min(wanted, by_risk, by_cash), price, market, reason)


def _whole(volume: Decimal, price: Decimal, market: Market, reason: str) -> Allowance:
    """In whole lots, and nothing below a minimum."""
    if not volume.is_finite() or volume <= 0:
        return Allowance(Decimal(0), reason or "nothing to order")
    lots = (volume / market.lot).quantize(Decimal(1), rounding=ROUND_DOWN) * market.lot
    if lots < market.ordermin or lots * price < market.costmin or lots <= 0:
        words = f"{plain(lots)} is below the exchange's minimum of {plain(market.ordermin)}"
        return Allowance(Decimal(0), f"{reason}; {words}" if reason else words)
    return Allowance(lots, reason)
