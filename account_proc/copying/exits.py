"""Where a user's exits stand, market by market: in which form the next one goes, when, of how much, and what
is in the way.

Remembered while the process lives: after a start each market is tried with a market order first, which costs
one refusal. Sends nothing; copying/copy_execution.py does. What it asks the exchange for, it asks only about
exits that something was in the way of.
"""

from __future__ import annotations

import logging
from decimal import Decimal

from krakencopy.account_proc.contract.errors import ExchangeError
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.exit_forms import (
    HELD,
    ExitForm,
    Obstacle,
    Pauses,
    Standing,
    after,
    first_form,
)
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.eligibility import below_minimum
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.domain.quantities import NO_VOLUME, BaseVolume, Price, Side

log = logging.getLogger(__name__)

#: What is there of an asset but in another form than an order sells, in the words that people read.
OTHER_FORM = "there in a form that an order cannot sell"
#: States of a pair or of the exchange in which an exit may be filled.
OPEN_STATES = frozenset({"online", "limit_only"})


class Exits:
    """The exits of one user."""

    def __init__(self, context: CopyContext) -> None:
        timing = context.gateway.timing
        self._exchange = context.gateway.exchange
        self._portfolio = context.portfolio
        self._now = context.now
        self._own_held = context.own_held
        self._pauses = Pauses(quick=timing.retry, first=timing.market_retry, longest=timing.market_retry_max)
        self._standings: dict[str, Standing] = {}
        #: By pair: the next try is due then (Unix seconds).
        self._due_at: dict[str, float] = {}
        #: By pair: when something first stood in the way (Unix seconds).
        self._met_since: dict[str, float] = {}
        #: By pair: what could be sold when funds were missing.
        self._free_then: dict[str, BaseVolume | None] = {}
        #: By pair whose price nobody tells: it is asked for again then (Unix seconds).
        self._price_at: dict[str, float] = {}
        #: None is due before: the key was refused, and asking again makes a lockout longer (Unix seconds).
        self._hold_until = 0.0
        #: By pair of which an exit was refused so: since when (Unix seconds), and why.
        self._held: dict[str, tuple[float, str]] = {}

    # -- what was met ---------------------------------------------------------------------------------------

    def standing(self, pair: str) -> Standing:
        """Where the exits of a pair stand."""
        return self._standings.get(pair, Standing())

    def met(self, pair: str, obstacle: Obstacle, words: str, *, sold: bool = False) -> Standing:
        """Something stood in the way of an exit; ``words``: the exchange's own, or ours. ``sold``: but a
        part of it was sold.
        """
        before = self.standing(pair)
        self._met_since.setdefault(pair, self._now())
        now = self._standings[pair] = after(before, obstacle, words, self._pauses, sold=sold)
        self._due_at[pair] = self._now() + now.pause_s
        if obstacle is Obstacle.FUNDS:
            self._free_then[pair] = self._free(pair)
        if now.form.cancels_own and not before.form.cancels_own:
            log.warning(
                "exits of %s met the account's own orders %d times (%s); from now on those that are in the "
                "way are cancelled "
                "(stptype=cancel-oldest)",
                pair,
                now.met,
                words,
            )
        return now

    def done(self, pair: str) -> None:
        """An exit was sold whole."""
        self._standings.pop(pair, None)
        self._due_at.pop(pair, None)
        self._met_since.pop(pair, None)
        self._held.pop(pair, None)

    def hold_all(self, until: float) -> None:
        """No exit is due before (Unix seconds)."""
        self._hold_until = max(self._hold_until, until)

    def key_refused(self, pair: str, words: str) -> None:
        """The key was refused for an exit; why it was first is kept until one is sold."""
        self._held.setdefault(pair, (self._now(), words))

    def not_before(self, pair: str) -> float:
        """The next try of a pair's owed exits is due then (Unix seconds)."""
        due_at = self._due_at.get(pair, 0.0)
        if self.standing(pair).obstacle is Obstacle.FUNDS and self._free(pair) != self._free_then.get(pair):
            due_at = 0.0  # what is free has changed
        return max(due_at, self._hold_until)

    # -- what is there --------------------------------------------------------------------------------------

    def there(self, pair: str) -> tuple[BaseVolume, BaseVolume]:
        """What is there of a pair's base in whatever form, and what of it an order could sell now."""
        base = pair.partition("/")[0]
        own = self._own_held(base)
        amounts = (self._portfolio.holding(base) - own, self._portfolio.free(base) - own)
        owned, free = (BaseVolume(max(amount, Decimal(0))) for amount in amounts)
        return owned, min(free, owned)

    def sellable(self, pair: PairRules, wanted: BaseVolume) -> BaseVolume:
        """How much of an exit can leave now: all of it, unless it is known that the rest is there and cannot
        be sold.

        What is not there at all is not held back: a wallet may have missed an execution, and the exchange has
        the last word.
        """
        if not self._portfolio.believed:
            return wanted
        owned, free = self.there(pair.name)
        return free.to_lot(pair.lot_decimals) if free < wanted <= owned else wanted

    def why_held(self, asset: str) -> str:
        """Why what is there cannot be sold, in words."""
        return HELD if self._portfolio.holds.get(asset) else OTHER_FORM

    def _free(self, pair: str) -> BaseVolume | None:
        return self.there(pair)[1] if self._portfolio.believed else None

    # -- how the next one goes ------------------------------------------------------------------------------

    def shape(self, copy: CopyRecord) -> None:
        """Gives an exit the form that its market needs, at the price that is known; asks nobody."""
        pair = self._portfolio.pairs.table.pair(copy.pair)
        form = first_form(self.standing(copy.pair), pair.status)
        copy.cancels_own = form.cancels_own
        copy.limit_price = self._limit(pair, form)

    def _limit(self, pair: PairRules, form: ExitForm) -> Decimal | None:
        bid = self._portfolio.prices.marks.rate(pair.base, pair.quote)
        if form.bound_bps is None or bid is None:
            return None
        return Price(bid).worse(Side.SELL, form.bound_bps).to_tick(pair.tick_size, Side.SELL).amount

    async def price(self, pair: PairRules, paid: Decimal | None) -> Decimal | None:
        """What is known of a pair's price; asked for where nothing is, and then not again at once if it is
        not to be had.

        Where the exchange tells none, what was ``paid`` has to do: a market order needs no price, only
        whether it is large enough does.
        """
        price = self._portfolio.prices.marks.rate(pair.base, pair.quote)
        if price is None and self._price_at.get(pair.name, 0.0) <= self._now():
            self._price_at[pair.name] = self._now() + self._pauses.longest
            await self.reprice(pair)
            price = self._portfolio.prices.marks.rate(pair.base, pair.quote)
        price = price or paid
        if price is None:
            self.met(pair.name, Obstacle.REFUSED, "the exchange tells no price")
        return price

    async def reprice(self, pair: PairRules) -> None:
        """Takes the best bid of now as the price that is known. What cannot be read stays as it was."""
        try:
            self._portfolio.prices.marks.set(
                pair.base, pair.quote, (await self._portfolio.prices.ticker(pair.name)).bid
            )
        except (ExchangeError, KeyError) as error:
            log.warning("no price of %s to be had for an exit: %s", pair.name, error)

    async def may_try(self, pair: PairRules, owed: BaseVolume, price: Price) -> bool:
        """Whether an owed exit is worth an order now; finds out what it can, where something was in the
        way before.
        """
        standing = self.standing(pair.name)
        if standing.obstacle is Obstacle.MARKET_CLOSED and (words := await self._closed(pair)):
            self.met(pair.name, Obstacle.MARKET_CLOSED, words)
            return False
        if standing.obstacle is Obstacle.FUNDS:
            try:
                await self._portfolio.refresh()
            except ExchangeError as error:
                log.warning("balances could not be read for an exit of %s: %s", pair.name, error)
        if below_minimum(self.sellable(pair, owed), price, pair) is not None:
            self.met(pair.name, Obstacle.FUNDS, self.why_held(pair.base))
            return False
        if first_form(standing, pair.status).bound_bps is not None:
            await self.reprice(pair)
        return True

    async def _closed(self, pair: PairRules) -> str:
        """What the exchange says of a market that takes no exits; empty when it takes them again, or
        nobody knows.
        """
        try:
            states = await self._exchange.market.market_states(pair.name)
        except ExchangeError as error:
            log.warning("the state of %s could not be read: %s", pair.name, error)
            return ""
        return next((f"the market is in {state} mode" for state in states if state not in OPEN_STATES), "")

    def since(self, pair: str) -> float:
        """Since when something is in the way of a pair's exits (Unix seconds); 0 where nothing is."""
        held_since, _ = self._held.get(pair, (0.0, ""))
        return self._met_since.get(pair, held_since)

    def owed_words(self, pair: str, owed: BaseVolume) -> str:
        """Why an exit is owed, for people; empty while nothing is known to be in its way."""
        standing, base = self.standing(pair), pair.partition("/")[0]
        if owed == NO_VOLUME:
            return ""
        if standing.obstacle is None:
            _, words = self._held.get(pair, (0.0, ""))
            return f"{owed} {base}, {words}" if words else ""
        times = f" (met {standing.met} times)" if standing.met > 1 else ""
        return f"{owed} {base}, {standing.words}{times}"
