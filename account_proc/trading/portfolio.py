"""Keeps a wallet fresh beside the trading loop, so that nobody has to ask for it on the way to an order.

The wallet is counted: balances once, then every execution. Balances that are read later may trail behind the
engine (Kraken: up to a minute was seen), so they never replace what was counted; they are held against every
state that the wallet has had within that time. What then is left over came from outside, a deposit or a
withdrawal, and counts once two readings agree on it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from krakencopy.account_proc.contract.ledger_file import Held
from krakencopy.account_proc.domain.asset_forms import by_use, earning, worth_as
from krakencopy.account_proc.domain.order import Ending
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.wallet import (
    NOTHING_RESERVED,
    Wallet,
)
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.feed.executions import Execution
from krakencopy.account_proc.kraken.pairs_cache import PairsCache
from krakencopy.account_proc.kraken.rest.messages import Balances
from krakencopy.account_proc.notices.unreadable import NoticeCode, Notices
from krakencopy.account_proc.state.pair_memory import PairMemory
from krakencopy.account_proc.trading.current_pairs import SHARED_RULES_S, CurrentPairs
from krakencopy.account_proc.trading.outside_changes import CONFIRM_S, OutsideChanges
from krakencopy.account_proc.trading.prices import Prices

log = logging.getLogger(__name__)

#: Orders of which is remembered what was counted.
ORDERS_MAX = 1_000
#: For so long, in seconds, coins that earn by themselves are taken not to be sold, once an order was refused
#: that needed them: Kraken says that it sells them, and a refusal may have had another cause.
DISTRUST_S = 300.0
#: Assets that are shown at most: an account with more has been sent dust.
SHOWN_MAX = 500
#: Readings that are made at most to know what is there.
KNOW_TRIES = 4


@dataclass(slots=True)
class _Counted:
    """What of an order is in the wallet. Volume in base, cost in quote, fees by asset."""

    volume: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    fees: dict[str, Decimal] = field(default_factory=dict)
    #: The order has ended and all of it is in the wallet.
    whole: bool = False


class Portfolio:
    """What one account holds and what it is worth."""

    def __init__(
        self, exchange: KrakenExchange, changed: Callable[[], None], now: Callable[[], float], lag_s: float,
        cache: PairsCache | None = None, reserve: Mapping[str, Decimal] = NOTHING_RESERVED,
        outside: Callable[[Mapping[str, Decimal], str], None] | None = None, notices: Notices | None = None,
        memory: PairMemory | None = None,
    ) -> None:  # fmt: skip
        """``changed`` is called when equity or the rules of pairs may have changed. ``lag_s``: how far
        balances may trail behind the engine, in seconds. ``cache``: where pairs are shared, if anywhere;
        ``memory``: where the rules of pairs that are not listed any more are from. ``reserve``: what of an
        asset is left out of equity and cash. ``outside`` is called with changes of balances that are no
        trades, and the exchange's word for them.
        """
        self.kept_out = reserve
        #: What is there in forms that an order should take beside the plain one, by asset, as balances said
        #: it last.
        self._earning: dict[str, Decimal] = {}
        #: Balances as they were read last.
        self._read_balances: Mapping[str, Decimal] = {}
        #: Until then an order is taken to leave those alone (Unix seconds).
        self._distrusted_until: dict[str, float] = {}
        #: Who is called with what came from outside.
        self.outside = [] if outside is None else [outside]
        self._account = exchange.account
        self.notices = Notices(now, changed) if notices is None else notices
        #: Assets that balances name without an amount that can be read, and of which none was counted before.
        self._uncounted: frozenset[str] = frozenset()
        #: Set when something happened to the wallet that could not be counted: balances are to be read.
        self.doubted = asyncio.Event()
        #: Balances that are asked for before then (Unix seconds) may not show what could not be counted.
        self.certain_at = 0.0
        self._changed = changed
        self.now = now
        self.lag_s = lag_s
        #: What was counted of each order, by the exchange's order id.
        self._counted: OrderedDict[str, _Counted] = OrderedDict()
        self._reserved: dict[str, tuple[str, Decimal]] = {}
        self.wallet = Wallet()
        self._changes = OutsideChanges(lag_s)
        self.pairs = CurrentPairs(exchange.market, changed, now, cache, memory)
        self.prices = Prices(exchange.market, self.pairs, self.wallet, self.notices)
        #: What open orders held of an asset, the account's own orders beside copying above all, as of the
        #: last reading.
        self.holds: dict[str, Decimal] = {}
        #: How often orders of the account's own were seen to hold less since, and how often when balances
        #: were asked for last.
        self._released, self._released_then = 0, 0
        #: False until balances were read once.
        self.loaded = False
        #: When they were asked for last (Unix seconds).
        self.read_at = 0.0
        #: False while the last reading failed or could not be explained: what is held is then not known, and
        #: not zero.
        self.believed = False

    async def load(self) -> None:
        """Reads pairs, balances and prices. Raises ExchangeError."""
        await self.pairs.read(SHARED_RULES_S)
        await self.refresh()

    def unknown_trade(self, pair: str, words: str) -> None:
        """A trade of this account that cannot be counted, as nobody lists its pair: balances tell what it
        has moved.
        """
        self.notices.note(
            NoticeCode.UNKNOWN_PAIR,
            pair,
            f"the exchange lists no pair {pair!r}: {words}; balances are read again, everything else goes on",
        )
        self.doubt()

    def doubt(self) -> None:
        """Something has moved the wallet by an amount that is not known."""
        self.certain_at = max(self.certain_at, self.now() + self.lag_s)
        self.doubted.set()

    async def refresh(self) -> bool:
        """Reads balances, and prices for what is held; whether the wallet is now known to be right. Raises
        ExchangeError, LedgerFault.

        The first reading is the wallet. Later ones correct it by what came from outside.
        """
        self.believed = False
        # A caller that doubts from here on wants a later reading.
        self.doubted.clear()
        balances, asked_at = await self.read_balances()
        if not self.loaded:
            self.wallet.replace(balances)
            self.believed = True
            self._uncounted = balances.unknown
        else:
            change = self._changes.agreed(balances, asked_at, self.wallet)
            if change is not None:
                self.count_outside_change(change, "")
                self.believed = True
                self._uncounted &= balances.unknown
        await self.prices.refresh()
        self.pairs.remember()
        self.loaded, self.read_at = True, asked_at
        self._changed()
        return self.believed

    async def know(self) -> bool:
        """As ``refresh``, and again until two readings agree or it has been tried often enough. Raises
        ExchangeError.
        """
        for _ in range(KNOW_TRIES):
            if await self.refresh():
                return True
            await asyncio.sleep(CONFIRM_S)
        return False

    async def read_balances(self) -> tuple[Balances, float]:
        """Balances as the exchange tells them, and when they were asked for (Unix seconds). Raises
        ExchangeError.

        Of an asset whose amount cannot be read there is what was counted, for all that is known, and not
        nothing.
        """
        asked_at, released = self.now(), self._released
        balances, holds = await self._account.holdings()
        if await self.pairs.learn_assets(balances):
            # Listed or renamed since the tables were read: by their names it is worth something.
            asked_at, released = self.now(), self._released
            balances, holds = await self._account.holdings()
        is_asset = self.pairs.table.lists
        self.holds, self._released_then = by_use(holds, is_asset), released
        self._earning = earning(balances, is_asset)
        unknown = frozenset(by_use(dict.fromkeys(balances.unknown, Decimal(0)), is_asset))
        counted = {asset: self.wallet[asset] for asset in unknown if self.wallet[asset]}
        self._read_balances = Balances({**by_use(balances, is_asset), **counted}, unknown)
        return self._read_balances, asked_at

    def count_outside_change(self, change: Mapping[str, Decimal], kind: str) -> None:
        """Counts what came in or went out without a trade, by asset. ``kind``: the exchange's word for it,
        empty where it tells none.
        """
        for asset, amount in change.items():
            log.info(
                "%s of %s came from outside (%s)",
                amount,
                asset,
                kind or "a deposit, a withdrawal, or a trade unseen",
            )
            self.wallet.add_amount(asset, amount)
            if amount > 0:
                self.prices.expect(asset)
        for take in self.outside if change else ():
            take(change, kind)

    def rename(self, old: str, new: str) -> None:
        """An asset has another name from now on."""
        self.wallet.rename(old, new)
        self._changes.rename(old, new)
        if old in self.kept_out:
            self.kept_out = {
                new if asset == old else asset: amount for asset, amount in self.kept_out.items()
            }
        self.prices.rename(old, new)

    # -- what happens ---------------------------------------------------------------------------------------

    def before_trade(self, executed_at: float) -> None:
        """Is called right before a trade is counted into the wallet: balances may be of this state for a
        while.
        """
        self._changes.before_trade(executed_at, self.wallet)

    def executed(self, execution: Execution) -> None:
        """Counts one execution of this account. The caller has made sure that it comes only once."""
        pair = self.pairs.table.find(execution.pair)
        if pair is None:
            words = f"{execution.side} {execution.last_qty} at {execution.last_price} is not counted"
            self.unknown_trade(execution.pair, words)
            return
        counted = self._counted.setdefault(execution.order_id, _Counted())
        while len(self._counted) > ORDERS_MAX:
            self._counted.popitem(last=False)
        if counted.whole:
            return
        counted.volume += execution.last_qty
        counted.cost += execution.last_qty * execution.last_price
        for asset, amount in execution.fees:
            counted.fees[asset] = counted.fees.get(asset, Decimal(0)) + amount
        self.before_trade(self.now())
        cost = execution.cost or execution.last_qty * execution.last_price
        if execution.margin:
            # It moves no coins, only its fee, and what a position that it closes has won or lost: only
            # balances tell that.
            self.doubt()
        else:
            self.wallet.trade(pair.base, pair.quote, Side(execution.side), execution.last_qty, cost)
        for asset, amount in execution.fees:
            self.wallet.add_amount(asset, -amount)
        self.prices.marks.set(pair.base, pair.quote, execution.last_price)
        self._changed()

    def ended(self, ending: Ending, name: str, side: Side, *, sent_here: bool) -> None:
        """Counts what an order of ours traded and the feed has not sent; the feed may send it later, and then
        it counts no more.

        ``sent_here``: by this process, so after its first balances. Orders from before are in those, or are
        found by later ones.
        """
        pair = self.pairs.table.find(name)
        if pair is None:
            if ending.filled:
                self.unknown_trade(
                    name, f"order {ending.order_id} traded {ending.filled}, which is not counted"
                )
            return
        counted = self._counted.setdefault(ending.order_id, _Counted())
        untold = ending.filled - counted.volume
        if counted.whole or untold <= 0 or not self.loaded or not sent_here:
            return
        counted.whole = True
        self.before_trade(self.now())
        self.wallet.trade(pair.base, pair.quote, side, untold, ending.cost - counted.cost)
        for asset, amount in ending.fees.items():
            self.wallet.add_amount(asset, counted.fees.get(asset, Decimal(0)) - amount)
        if not ending.fees_certain:
            self.doubt()
        self._changed()

    # -- money that is spoken for ---------------------------------------------------------------------------

    def reserve(self, key: str, asset: str, amount: Decimal) -> None:
        """Sets cash aside for an order on its way."""
        self._reserved[key] = (asset, amount)

    def release(self, key: str) -> None:
        """The order is over."""
        self._reserved.pop(key, None)

    def by_asset(self) -> dict[str, Held]:
        """What there is of each asset, and what open orders held of it at the last reading."""
        nothing = Decimal(0)
        return {
            asset: Held(volume, self.holds.get(asset, nothing))
            for asset, volume in sorted(self.wallet.balances().items())[:SHOWN_MAX]
        }

    # -- what it comes to -----------------------------------------------------------------------------------

    def worth_wallet(self) -> Wallet:
        """All that losses are counted of: the account's wallet."""
        return self.wallet

    def equity(self, quote: str) -> Decimal | None:
        """Total equity in quote; None while balances are not known, be it that of one asset that has a
        price.
        """
        known = self.loaded and self.equity_known(quote)
        return self.wallet.value(quote, self.prices.marks, self.kept_out) if known else None

    def equity_known(self, quote: str) -> bool:
        """Whether nothing that counts for equity was left out because its balance could not be read."""
        return not any(
            worth_as(asset) == quote or any(self.prices.pricing_pairs(asset)) for asset in self._uncounted
        )

    def free(self, asset: str, but: Decimal = Decimal(0)) -> Decimal:
        """What of an asset an order could use: what was counted, less what open orders held when balances
        were read last, ``but`` so much.
        """
        used = self.holds.get(asset, Decimal(0)) - but
        if self._distrusted_until.get(asset, 0.0) > self.now():
            used += self._earning.get(asset, Decimal(0))
        return max(self.wallet[asset] - used, Decimal(0))

    def distrust_earning(self, asset: str) -> bool:
        """The exchange has refused an order for funds that are there, some of them in a form that earns by
        itself (BTC.F): for a while those do not count as free. Whether there are any.
        """
        if not self._earning.get(asset) or self._distrusted_until.get(asset, 0.0) > self.now():
            return False
        self._distrusted_until[asset] = self.now() + DISTRUST_S
        return True

    def cash(self, quote: str) -> Decimal:
        """What of quote is free and not set aside. Holds of orders that may be gone by now hold nothing: an
        entry that is cut for money that is free is lost, one that is refused is cut then.
        """
        set_aside = sum((amount for asset, amount in self._reserved.values() if asset == quote), Decimal(0))
        old = self.holds.get(quote, Decimal(0)) if self._released != self._released_then else Decimal(0)
        return self.free(quote, but=old) - set_aside - self.kept_out.get(quote, Decimal(0))

    def released(self) -> None:
        """An order of the account's own has ended or traded: what it held when balances were read last may
        be free.
        """
        self._released += 1

    def spendable(self, asset: str) -> Decimal:
        """What of an asset orders may spend, once none holds any of it."""
        return self.wallet[asset] - self.kept_out.get(asset, Decimal(0))

    def rounded_away(self, asset: str) -> Decimal:
        """What is counted of an asset beyond what balances showed last, where that is no more than their
        rounding.
        """
        return max(self.wallet.rounding(asset, self._read_balances.get(asset, Decimal(0))), Decimal(0))

    def holding(self, asset: str) -> Decimal:
        """All that is there of an asset, in forms that no order takes as well."""
        return self.wallet.holding(asset)
