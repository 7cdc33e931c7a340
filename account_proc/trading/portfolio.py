"""Keeps a wallet and prices fresh beside the trading loop, so that nobody has to ask for them on the way to
an order.

The wallet is counted: balances once, then every execution. Balances that are read later may trail behind the
engine (Kraken: up to a minute was seen), so they never replace what was counted; they are held against every
state that the wallet has had within that time. What then is left over came from outside, a deposit or a
withdrawal, and counts once two readings agree on it.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.errors import ExchangeError, OutcomeUnknown
from krakencopy.account_proc.domain.asset_forms import by_use, earning, worth_as
from krakencopy.account_proc.domain.order import Ending, Quote
from krakencopy.account_proc.domain.pairs import NOT_LISTED, PairRules, SymbolTable
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.wallet import (
    BRIDGES,
    NOTHING_RESERVED,
    Marks,
    Wallet,
    change_from_outside,
)
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.feed.executions import Execution
from krakencopy.account_proc.kraken.front import growing_pause_s
from krakencopy.account_proc.kraken.pairs_cache import PairsCache
from krakencopy.account_proc.kraken.rest.messages import Balances
from krakencopy.account_proc.notices.unreadable import NoticeCode, Notices
from krakencopy.account_proc.state.pair_memory import PairMemory

log = logging.getLogger(__name__)

#: Between two readings that must agree before a change from outside counts, in seconds at least: an execution
#: that the balances know already may still be on its way through the feed.
CONFIRM_S = 1.0
#: The rules of pairs are read again after about this long, and not more often than this, in seconds (Kraken
#: changes minima now and then: SOL went from 0.02 to 0.06 within two months).
RULES_S, RULES_PAUSE_S = 3_600.0, 30.0
#: What another process of this supervisor has read is taken over if it is not older than this, in seconds.
#: With the time until the next reading, which counts from when the exchange was asked, no rules are used for
#: longer than by a process that reads alone.
SHARED_RULES_S = RULES_S / 2
#: Pairs are read again for a name that is not among them: after this at first, in seconds, then after twice
#: as long each time.
LEARN_PAUSE_S = 60.0
#: Tables that another process has read within this, in seconds, are good enough for a name that ours lack.
JUST_READ_S = 5.0
#: Orders of which is remembered what was counted.
ORDERS_MAX = 1_000
#: For so long, in seconds, coins that earn by themselves are taken not to be sold, once an order was refused
#: that needed them: Kraken says that it sells them, and a refusal may have had another cause.
DISTRUST_S = 300.0
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


class Watcher(Protocol):
    """Is told when what is shown may have changed."""

    def __call__(self) -> None:
        """Equity or the rules of pairs may have changed."""
        ...


class Portfolio:
    """What one account holds and what it is worth."""

    def __init__(
        self, exchange: KrakenExchange, changed: Watcher, now: Callable[[], float], lag_s: float,
        listing: PairsCache | None = None, reserve: Mapping[str, Decimal] = NOTHING_RESERVED,
        outside: Callable[[Mapping[str, Decimal], str], None] | None = None, notices: Notices | None = None,
        memory: PairMemory | None = None,
    ) -> None:  # fmt: skip
        """``lag_s``: how far balances may trail behind the engine, in seconds. ``listing``: where pairs are
        shared, if anywhere; ``memory``: where the rules of pairs that are not listed any more are from.
        ``reserve``: what of an asset is left out of equity and cash. ``outside`` is told of changes of
        balances that are no trades, and of the exchange's word for them.
        """
        self.kept_out = reserve
        #: What is there in forms that an order should take beside the plain one, by asset, as balances told
        #: it last.
        self._earning: dict[str, Decimal] = {}
        #: Balances as they were told last.
        self._told: Mapping[str, Decimal] = {}
        #: Until then an order is taken to leave those alone (Unix seconds).
        self._distrusted_until: dict[str, float] = {}
        #: Called when the exchange's pairs and assets were read again.
        self.rules_read: Callable[[], None] | None = None
        self._outside = outside
        self._exchange = exchange
        self._listing = listing
        self.notices = Notices(now, changed) if notices is None else notices
        self._memory = memory
        #: By name of a pair that nobody lists: how often pairs were read for it, and when they may be again
        #: (Unix seconds).
        self._learnt: dict[str, tuple[int, float]] = {}
        #: Assets that balances name without an amount that can be read, and of which none was counted before.
        self._uncounted: frozenset[str] = frozenset()
        #: Set when something happened to the wallet that could not be counted: balances are to be read.
        self.doubted = asyncio.Event()
        #: Balances that are asked for before then (Unix seconds) may not show what could not be counted.
        self.certain_at = 0.0
        self._changed = changed
        self.now = now
        self.lag_s = lag_s
        #: What was held right before each of the last trades, and when they were executed (Unix seconds).
        self._before: deque[tuple[float, Wallet]] = deque()
        #: When the last reading was made that told of a change from outside, and which.
        self._suspected: tuple[float, dict[str, Decimal]] = (0.0, {})
        #: What was counted of each order, by the exchange's order id.
        self._counted: OrderedDict[str, _Counted] = OrderedDict()
        self._rules_at = 0.0
        self._rules_wrong = asyncio.Event()
        self._reserved: dict[str, tuple[str, Decimal]] = {}
        self.wallet = Wallet()
        #: What open orders held of an asset, the account's own orders beside copying above all, as of the
        #: last reading.
        self.holds: dict[str, Decimal] = {}
        #: How often orders of the account's own were seen to hold less since, and how often when balances
        #: were asked for last.
        self._released, self._released_then = 0, 0
        self.marks = Marks()
        self.symbols: SymbolTable | None = None
        #: Prices of these are wanted though nothing of them is held.
        self.priced: tuple[str, ...] = ()
        #: What came in and has no known price yet, though the exchange tells one: what it is worth is missing
        #: in equity.
        self.unpriced: set[str] = set()
        #: False until balances were read once.
        self.loaded = False
        #: False while the last reading failed or could not be explained: what is held is then not known, and
        #: not zero.
        self.believed = False

    @property
    def table(self) -> SymbolTable:
        """The exchange's pairs. Only after ``load``."""
        if self.symbols is None:
            raise AssertionError("the portfolio was used before it was loaded")
        return self.symbols

    async def load(self) -> None:
        """Reads pairs, balances and prices. Raises ExchangeError."""
        await self._load_symbols(SHARED_RULES_S)
        await self.refresh()

    async def load_symbols(self) -> None:
        """The exchange's pairs and their rules as they are now: minima change, pairs are listed. Raises
        ExchangeError.
        """
        await self._load_symbols(0.0)

    async def _load_symbols(self, age_max_s: float) -> None:
        if self._listing is None:
            table, age_s = await self._exchange.market.asset_pairs(), 0.0
        else:
            table, age_s = await self._listing.get(self._exchange.market.asset_pairs, age_max_s)
        asked = () if self.symbols is None else self.symbols.asked
        self.symbols = table.remembering(asked) if self._memory is None else self._memory.join(table, asked)
        self._exchange.market.read_names_by(self.symbols)
        self._rules_at = self.now() - age_s
        if self.rules_read is not None:
            self.rules_read()

    def may_learn(self, name: str, side: Side | None = None) -> bool:
        """Whether a pair is not known, or from before only, and reading the exchange's pairs for it is due.

        Whoever asks has seen a trade in it: a name that was gone may have been given again. ``side``: of that
        trade. What a sale found out is no answer to a purchase, which says more clearly that the pair is
        listed again.
        """
        pair = self.table.find(name)
        is_listed = pair is not None and pair.status != NOT_LISTED
        return not is_listed and self._is_due(_question(name, side))

    async def learn(self, names: Iterable[str], side: Side | None = None) -> None:
        """Reads the exchange's pairs again for those that are not known, at once the first time and ever more
        rarely while they stay so. Raises ExchangeError.
        """
        due = {_question(name, side) for name in names if self.may_learn(name, side)}
        if due:
            self._put_off(due)
            await self.load_symbols()

    def _is_due(self, question: str) -> bool:
        return self._learnt.get(question, (0, 0.0))[1] <= self.now()

    def _put_off(self, names: Iterable[str]) -> None:
        """The exchange's tables are read for these now, and not for them again soon."""
        for name in names:
            tries, _ = self._learnt.get(name, (0, 0.0))
            self._learnt[name] = tries + 1, self.now() + min(LEARN_PAUSE_S * 2.0**tries, RULES_S)
        while len(self._learnt) > ORDERS_MAX:
            del self._learnt[next(iter(self._learnt))]

    async def _learn_assets(self, balances: Mapping[str, Decimal]) -> bool:
        """Reads the exchange's tables again for assets that are held and that they do not name, as
        ``learn`` does; whether it has.
        """
        held = {worth_as(name) for name, amount in balances.items() if amount}
        due = {name for name in held if not self.table.lists(name) and self._is_due(name)}
        if not due:
            return False
        self._put_off(due)
        try:
            await self._load_symbols(JUST_READ_S)
        except ExchangeError as error:
            log.warning(
                "%s is held and not listed, and the listing could not be read again: %s",
                ", ".join(sorted(due)),
                error,
            )
            return False
        return True

    def unknown_trade(self, symbol: str, words: str) -> None:
        """A trade of this account that cannot be counted, as nobody lists its pair: balances tell what it
        has moved.
        """
        self.notices.say(
            NoticeCode.UNKNOWN_PAIR,
            symbol,
            f"the exchange lists no pair {symbol!r}: {words}; balances are read again, everything else goes "
            "on",
        )
        self.doubt()

    def doubt(self) -> None:
        """Something has moved the wallet by an amount that is not known."""
        self.certain_at = max(self.certain_at, self.now() + self.lag_s)
        self.doubted.set()

    def keep_pairs(self) -> None:
        """Makes durable the rules of pairs that were asked for since the last time. Raises LedgerFault."""
        if self._memory is not None:
            self._memory.keep(self.table)

    async def keep_rules(self) -> None:
        """Reads the rules again when they are old, or an order was refused by a minimum that is not in
        them; for ever.
        """
        failures = 0
        while True:
            until = self._rules_at + RULES_S * random.uniform(0.75, 1.25)  # noqa: S311 - spreads many accounts' calls
            with suppress(TimeoutError):
                await asyncio.wait_for(self._rules_wrong.wait(), max(until - self.now(), RULES_PAUSE_S))
            age_max_s = 0.0 if self._rules_wrong.is_set() else SHARED_RULES_S
            self._rules_wrong.clear()
            try:
                await self._load_symbols(age_max_s)
                self._changed()  # they are shown
                failures = 0
            except ExchangeError as error:
                log.warning("the rules of pairs could not be read again: %s", error)
                failures += 1
            dice = random.random()  # noqa: S311 - spreads many accounts' calls
            await asyncio.sleep(
                growing_pause_s(failures, RULES_PAUSE_S, RULES_S / 4, dice) if failures else RULES_PAUSE_S
            )

    def rules_are_wrong(self) -> None:
        """The exchange has just refused an order by other rules than are known here."""
        self._rules_wrong.set()

    async def refresh(self) -> bool:
        """Reads balances, and prices for what is held; whether the wallet is now known to be right. Raises
        ExchangeError, LedgerFault.

        The first reading is the wallet. Later ones correct it by what came from outside.
        """
        self.believed = False
        # Whoever doubts from here on wants a later reading.
        self.doubted.clear()
        balances, asked_at = await self.read_balances()
        if not self.loaded:
            self.wallet.replace(balances)
            self.believed = True
            self._uncounted = balances.unknown
        else:
            self.believed = self._explained(balances, asked_at)
            self._uncounted = self._uncounted & balances.unknown if self.believed else self._uncounted
        await self.refresh_marks()
        self.keep_pairs()
        self.loaded = True
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
        told, holds = await self._exchange.account.holdings()
        if await self._learn_assets(told):
            # Listed or renamed since the tables were read: by their names it is worth something.
            asked_at, released = self.now(), self._released
            told, holds = await self._exchange.account.holdings()
        is_asset = self.table.lists
        self.holds, self._released_then = by_use(holds, is_asset), released
        self._earning = earning(told, is_asset)
        unknown = frozenset(by_use(dict.fromkeys(told.unknown, Decimal(0)), is_asset))
        counted = {asset: self.wallet[asset] for asset in unknown if self.wallet[asset]}
        self._told = Balances({**by_use(told, is_asset), **counted}, unknown)
        return self._told, asked_at

    def _explained(self, balances: Mapping[str, Decimal], asked_at: float) -> bool:
        """Whether balances are what was counted; a change that two readings agree on is taken over."""
        change = change_from_outside(balances, self._states(asked_at))
        suspected_at, suspected = self._suspected
        if change and (change != suspected or asked_at < suspected_at + CONFIRM_S):
            self._suspected = (suspected_at if change == suspected else asked_at, change)
            return False
        for asset, amount in change.items():
            for _, state in self._before:
                state.add(asset, amount)
        self.take_outside(change, "")
        self._suspected = (0.0, {})
        return True

    def take_outside(self, change: Mapping[str, Decimal], kind: str) -> None:
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
            self.wallet.add(asset, amount)
            if amount > 0 and self.marks.rate(asset, BRIDGES[0]) is None and any(self._pricing_pairs(asset)):
                self.unpriced.add(asset)
        if change and self._outside is not None:
            self._outside(change, kind)

    def rename(self, old: str, new: str) -> None:
        """An asset has another name from now on."""
        for wallet in (self.wallet, *(state for _, state in self._before)):
            wallet.rename(old, new)
        if old in self.kept_out:
            self.kept_out = {
                new if asset == old else asset: amount for asset, amount in self.kept_out.items()
            }
        self.priced = tuple(new if asset == old else asset for asset in self.priced)
        self.marks.rename(old, new)

    def _states(self, asked_at: float) -> list[Wallet]:
        """What the wallet was at each moment that balances asked for at this time may be of."""
        while self._before and self._before[0][0] < asked_at - self.lag_s:
            self._before.popleft()
        return [*(state for _, state in self._before), self.wallet]

    async def refresh_marks(self) -> None:
        """Reads prices of what is held, against every bridge that the exchange quotes it in. Raises
        ExchangeError.
        """
        wanted = [pair for asset in self.wallet.assets() for pair in self._pricing_pairs(asset)]
        wanted += [pair for asset in self.priced for pair in self._pricing_pairs(asset)]
        wanted += [pair for bridge in BRIDGES for pair in self._pricing_pairs(bridge)]
        symbols = tuple(dict.fromkeys(pair.symbol for pair in wanted))
        if not symbols:
            return
        asked = set(self.unpriced)
        quotes = await self._exchange.market.ticker(symbols)
        # Also where the exchange tells no price: that counts nothing, and is not waited for.
        self.unpriced -= asked
        for pair in wanted:
            quote = quotes.get(pair.symbol)
            if quote is not None:
                self.marks.set(pair.base, pair.quote, quote.worth)
        self._tell_unpriced()

    def _tell_unpriced(self) -> None:
        """Says what is held that the exchange trades and tells no price of: a master that looks poorer
        makes its users' entries larger.
        """
        missing = {}
        for asset in map(worth_as, self.wallet.assets()):
            traded = any(pair.status != NOT_LISTED for pair in self._pricing_pairs(asset))
            if traded and self.marks.rate(asset, BRIDGES[0]) is None:
                missing[asset] = (
                    f"the exchange tells no price of {asset}: the {plain(self.holding(asset))} that are "
                    "there count for nothing, and entries are "
                    "scaled by an equity without them"
                )
        self.notices.hold(NoticeCode.NO_PRICE, missing)

    def _pricing_pairs(self, asset: str) -> Iterable[PairRules]:
        asset = worth_as(asset)
        for bridge in BRIDGES:
            # Kraken quotes some money the other way round: USD/CAD, USD/JPY, USD/CHF.
            for symbol in (f"{asset}/{bridge}", f"{bridge}/{asset}"):
                pair = self.table.find(symbol)
                if pair is not None:
                    yield pair

    # -- what happens ---------------------------------------------------------------------------------------

    def before_trade(self, executed_at: float) -> None:
        """Is called right before a trade is counted into the wallet: balances may be of this state for a
        while.
        """
        self._before.append((executed_at, self.wallet.copy()))

    def executed(self, execution: Execution) -> None:
        """Counts one execution of this account. The caller has made sure that it comes only once."""
        pair = self.table.find(execution.symbol)
        if pair is None:
            words = f"{execution.side} {execution.last_qty} at {execution.last_price} is not counted"
            self.unknown_trade(execution.symbol, words)
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
            self.wallet.add(asset, -amount)
        self.marks.set(pair.base, pair.quote, execution.last_price)
        self._changed()

    def ended(self, ending: Ending, symbol: str, side: Side, *, sent_here: bool) -> None:
        """Counts what an order of ours traded and the feed has not told; the feed may tell it later, and then
        it counts no more.

        ``sent_here``: by this process, so after its first balances. Orders from before are in those, or are
        found by later ones.
        """
        pair = self.table.find(symbol)
        if pair is None:
            if ending.filled:
                self.unknown_trade(
                    symbol, f"order {ending.order_id} traded {ending.filled}, which is not counted"
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
            self.wallet.add(asset, counted.fees.get(asset, Decimal(0)) - amount)
        if not ending.fees_certain:
            self.doubt()
        self._changed()

    async def ticker(self, pair: str) -> Quote:
        """Bid and ask of one pair, now. Raises ExchangeError, also where the exchange tells none."""
        quote = (await self._exchange.market.ticker((pair,))).get(pair)
        if quote is None:
            raise OutcomeUnknown("Ticker", f"the exchange tells no price of {pair}")
        return quote

    def set_marks(self, quote: str, marks: Mapping[str, str]) -> None:
        """Takes over the master's prices, so that both sides of a ratio are valued alike."""
        for asset, price in marks.items():
            self.marks.set(asset, quote, Decimal(price))

    # -- money that is spoken for ---------------------------------------------------------------------------

    def reserve(self, key: str, asset: str, amount: Decimal) -> None:
        """Sets cash aside for an order on its way."""
        self._reserved[key] = (asset, amount)

    def release(self, key: str) -> None:
        """The order is over."""
        self._reserved.pop(key, None)

    # -- what it comes to -----------------------------------------------------------------------------------

    def equity(self, quote: str) -> Decimal | None:
        """Total equity in quote; None while balances are not known, be it that of one asset that has a
        price.
        """
        known = self.loaded and self.equity_known(quote)
        return self.wallet.value(quote, self.marks, self.kept_out) if known else None

    def equity_known(self, quote: str) -> bool:
        """Whether nothing that counts for equity was left out because its balance could not be read."""
        return not any(
            worth_as(asset) == quote or any(self._pricing_pairs(asset)) for asset in self._uncounted
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
        return max(self.wallet.rounding(asset, self._told.get(asset, Decimal(0))), Decimal(0))

    def holding(self, asset: str) -> Decimal:
        """All that is there of an asset, in forms that no order takes as well."""
        return self.wallet.holding(asset)


def _question(name: str, side: Side | None) -> str:
    """What reading the pairs for a name is counted under."""
    return name if side is None else f"{name} {side}"
