"""In which form an exit is sent, and how that changes with what stands in its way. Pure: values in, values
out.

    market order ──refused as such, or nothing sold──▶ limit order, filled at once or cancelled, near the bid
         ▲                                                  │ nobody bids within 0.5 %: 1 %, 2 %, 5 %, 10 %
         └────────────refused as such───────────────────────┘
    either, and the account's own order is the best bid ──again──▶ the same, and that order gives way

An exit has to leave, so something always follows. What follows is never the same order at once: either its
form changes, or the market's state or what is free is waited for, or the pause before it grows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from krakencopy.account_proc.kraken.errors import MARKET_MODE, is_below_minimum

#: How much worse than the best bid an exit by limit order may sell, one after another, in 1/100 of a percent.
#: The first is what entries may lose by default. The last is no limit to what an exit may lose, as each is
#: measured from the bid of its moment; it keeps one order from sweeping an empty book.
BOUNDS_BPS = (50, 100, 200, 500, 1_000)
#: So many exits in a row end at an order of the account's own before that order has to give way: it may be
#: filled or gone by then.
SELF_TRADE_TRIES = 2
FUNDS_ERROR = "EOrder:Insufficient funds"
#: What the account's own orders hold, in the words that people read.
HELD = "held by the account's own orders"
#: Kraken's words for self-trade prevention are not documented; reports have "Self trade prevention" and its
#: letters.
_SELF_TRADE = re.compile(r"\bself[- ]?trad|\bSTP\b", re.IGNORECASE)
#: Kraken: a pair or the exchange takes limit orders only.
_LIMIT_ONLY = f"{MARKET_MODE}limit_only"
#: How errors begin that may be about the kind of order or its price, ...
_ABOUT_FORM = ("EOrder:", "EGeneral:Invalid arguments")
#: ... and those among them that are not.
_NOT_ABOUT_FORM = (
    "EOrder:Orders limit exceeded",
    "EOrder:Trading agreement required",
    "EGeneral:Invalid arguments:pair",
)


class Obstacle(StrEnum):
    """What stood in the way of an exit."""

    #: An order of the account's own would have bought what it sells.
    SELF_TRADE = "SELF_TRADE"
    #: The market takes no order that could fill now: cancel_only, post_only, reduce_only, maintenance.
    MARKET_CLOSED = "MARKET_CLOSED"
    #: Not in this form: a market order where only limits are taken, a price that is not liked.
    FORM_REFUSED = "FORM_REFUSED"
    #: It ended before all was sold: nobody bids within its bound, or the exchange stopped it to protect the
    #: price.
    NOT_ALL_SOLD = "NOT_ALL_SOLD"
    BELOW_MINIMUM = "BELOW_MINIMUM"
    #: What is to be sold is held by other orders, or is there in a form that cannot be sold.
    FUNDS = "FUNDS"
    #: Anything else that the exchange says.
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class ExitForm:
    """How an exit is sent."""

    #: None: a market order. Otherwise a limit order so much below the best bid (1/100 of a percent), filled
    #: at once or cancelled.
    bound_bps: int | None = None
    #: Orders of the account's own that it meets are cancelled. Otherwise it ends at them, which is Kraken's
    #: default.
    cancels_own: bool = False

    def __str__(self) -> str:
        kind = (
            "a market order"
            if self.bound_bps is None
            else f"a limit order {self.bound_bps / 100:g} % below the bid"
        )
        return f"{kind} that cancels the account's own orders in its way" if self.cancels_own else kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Pauses:
    """How long the next try waits, in seconds: after the form has changed; after the first of a kind and,
    doubled each time, at most.
    """

    quick: float
    first: float
    longest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the exits of one market stand."""

    #: The next one is sent like this.
    form: ExitForm = ExitForm()
    #: None: nothing is known to be in the way.
    obstacle: Obstacle | None = None
    #: The exchange's own words for it, or ours.
    words: str = ""
    #: How often in a row it was met.
    met: int = 0
    #: How long the next try waits, in seconds.
    pause_s: float = 0.0


def obstacle_of_refusal(error: str) -> Obstacle:
    """What an order that was refused for certain met; ``error`` is Kraken's own string."""
    if error.startswith(FUNDS_ERROR):
        return Obstacle.FUNDS
    if is_below_minimum(error):
        return Obstacle.BELOW_MINIMUM
    if _SELF_TRADE.search(error):
        return Obstacle.SELF_TRADE
    if error.startswith(_LIMIT_ONLY):
        return Obstacle.FORM_REFUSED
    if error.startswith(MARKET_MODE):
        return Obstacle.MARKET_CLOSED
    if error.startswith(_ABOUT_FORM) and not error.startswith(_NOT_ABOUT_FORM):
        return Obstacle.FORM_REFUSED
    return Obstacle.REFUSED


def is_self_trade(words: str) -> bool:
    """Whether an order ended because it met one of the account's own; ``words`` as the exchange gives the
    reason.
    """
    return bool(_SELF_TRADE.search(words))


def after(
    standing: Standing, obstacle: Obstacle, words: str, pauses: Pauses, *, sold: bool = False
) -> Standing:
    """Where exits stand once an obstacle was met; ``sold``: a part of the exit was sold all the same."""
    met = standing.met + 1 if obstacle is standing.obstacle else 1
    form = _next_form(standing.form, obstacle, met, sold=sold)
    return Standing(
        form=form, obstacle=obstacle, words=words, met=met,
        pause_s=_pause(obstacle, met, pauses, changed=form != standing.form),
    )  # fmt: skip


def first_form(standing: Standing, pair_status: str) -> ExitForm:
    """The form of the next exit, by what the rules of the pair say of its status."""
    if pair_status == "limit_only" and standing.form.bound_bps is None:
        return replace(standing.form, bound_bps=BOUNDS_BPS[0])
    return standing.form


def _next_form(form: ExitForm, obstacle: Obstacle, met: int, *, sold: bool) -> ExitForm:
    match obstacle:
        case Obstacle.SELF_TRADE if met >= SELF_TRADE_TRIES:
            return replace(form, cancels_own=True)
        case Obstacle.FORM_REFUSED:
            # The other kind; if that is refused as well, it may be for what is said about own orders.
            other = BOUNDS_BPS[0] if form.bound_bps is None else None
            return ExitForm(bound_bps=other, cancels_own=form.cancels_own and met == 1)
        case Obstacle.NOT_ALL_SOLD if form.bound_bps is not None:
            return replace(
                form, bound_bps=next((b for b in BOUNDS_BPS if b > form.bound_bps), BOUNDS_BPS[-1])
            )
        case Obstacle.NOT_ALL_SOLD if not sold:
            return replace(form, bound_bps=BOUNDS_BPS[0])
    return form


def _pause(obstacle: Obstacle, met: int, pauses: Pauses, *, changed: bool) -> float:
    # Two kinds of order that are refused in turn would be two identical orders again and again: their pauses
    # grow as well.
    if changed and (met == 1 or obstacle is not Obstacle.FORM_REFUSED):
        return pauses.quick
    if met == 1 and obstacle in {Obstacle.SELF_TRADE, Obstacle.NOT_ALL_SOLD, Obstacle.BELOW_MINIMUM}:
        return pauses.quick
    # Exponents that a float can hold, whatever was met how often.
    return min(pauses.first * 2.0 ** min(met - 1, 32), pauses.longest)
