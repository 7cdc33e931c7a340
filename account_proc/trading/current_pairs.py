"""The exchange's pairs and their rules as one account goes by them: read, shared, read again for names that
are not among them, and remembered for pairs that are gone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from decimal import Decimal

from krakencopy.account_proc.contract.errors import ExchangeError
from krakencopy.account_proc.domain.asset_forms import worth_as
from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.domain.pairs import NOT_LISTED
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.market_reads import MarketReads
from krakencopy.account_proc.kraken.pairs_cache import PairsCache
from krakencopy.account_proc.runtime.pauses import growing_pause_s, spread_s
from krakencopy.account_proc.state.pair_memory import PairMemory

log = logging.getLogger(__name__)

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
#: Names of which is remembered when pairs may be read for them again.
NAMES_MAX = 1_000


class CurrentPairs:
    """The table of pairs that one account goes by."""

    def __init__(
        self, market: MarketReads, changed: Callable[[], None], now: Callable[[], float],
        cache: PairsCache | None = None, memory: PairMemory | None = None,
    ) -> None:  # fmt: skip
        """``changed`` is called when the rules of pairs may have changed. ``cache``: where pairs are shared,
        if anywhere. ``memory``: where the rules of pairs that are not listed any more are from.
        """
        self._market = market
        self._changed = changed
        self._now = now
        self._cache = cache
        self._memory = memory
        #: None until pairs were read.
        self.latest: PairTable | None = None
        #: Called when the exchange's pairs and assets were read again.
        self.on_read: Callable[[], None] | None = None
        #: By name of a pair that nobody lists: how often pairs were read for it, and when they may be again
        #: (Unix seconds).
        self._learnt: dict[str, tuple[int, float]] = {}
        self._read_at = 0.0
        self._rules_wrong = asyncio.Event()

    @property
    def table(self) -> PairTable:
        """The exchange's pairs. Only after they were read."""
        if self.latest is None:
            raise AssertionError("pairs were used before they were read")
        return self.latest

    async def read(self, age_max_s: float = 0.0) -> None:
        """The exchange's pairs and their rules as they are now, or were at most ``age_max_s`` ago: minima
        change, pairs are listed. Raises ExchangeError.
        """
        if self._cache is None:
            table, age_s = await self._market.asset_pairs(), 0.0
        else:
            table, age_s = await self._cache.get(self._market.asset_pairs, age_max_s)
        asked = () if self.latest is None else self.latest.asked
        self.latest = table.remembering(asked) if self._memory is None else self._memory.join(table, asked)
        self._market.read_names_by(self.latest)
        self._read_at = self._now() - age_s
        if self.on_read is not None:
            self.on_read()

    def may_learn(self, name: str, side: Side | None = None) -> bool:
        """Whether a pair is not known, or from before only, and reading the exchange's pairs for it is due.

        The caller has seen a trade in it: a name that was gone may have been given again. ``side``: of that
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
            await self.read()

    def _is_due(self, question: str) -> bool:
        return self._learnt.get(question, (0, 0.0))[1] <= self._now()

    def _put_off(self, names: Iterable[str]) -> None:
        """The exchange's tables are read for these now, and not for them again soon."""
        for name in names:
            tries, _ = self._learnt.get(name, (0, 0.0))
            self._learnt[name] = tries + 1, self._now() + min(LEARN_PAUSE_S * 2.0**tries, RULES_S)
        while len(self._learnt) > NAMES_MAX:
            del self._learnt[next(iter(self._learnt))]

    async def learn_assets(self, balances: Mapping[str, Decimal]) -> bool:
        """Reads the exchange's tables again for assets that are held and that they do not name, as
        ``learn`` does; whether it has.
        """
        held = {worth_as(name) for name, amount in balances.items() if amount}
        due = {name for name in held if not self.table.lists(name) and self._is_due(name)}
        if not due:
            return False
        self._put_off(due)
        try:
            await self.read(JUST_READ_S)
        except ExchangeError as error:
            log.warning(
                "%s is held and not listed, and the pairs could not be read again: %s",
                ", ".join(sorted(due)),
                error,
            )
            return False
        return True

    def remember(self) -> None:
        """Makes durable the rules of pairs that were asked for since the last time. Raises LedgerFault."""
        if self._memory is not None:
            self._memory.keep_asked(self.table)

    async def keep_fresh(self) -> None:
        """Reads the rules again when they are old, or an order was refused by a minimum that is not in
        them; for ever.
        """
        failures = 0
        while True:
            until = self._read_at + spread_s(RULES_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._rules_wrong.wait(), max(until - self._now(), RULES_PAUSE_S))
            age_max_s = 0.0 if self._rules_wrong.is_set() else SHARED_RULES_S
            self._rules_wrong.clear()
            try:
                await self.read(age_max_s)
                self._changed()  # they are shown
                failures = 0
            except ExchangeError as error:
                log.warning("the rules of pairs could not be read again: %s", error)
                failures += 1
            await asyncio.sleep(
                growing_pause_s(failures, RULES_PAUSE_S, RULES_S / 4) if failures else RULES_PAUSE_S
            )

    def rules_are_wrong(self) -> None:
        """The exchange has just refused an order by other rules than are known here."""
        self._rules_wrong.set()


def _question(name: str, side: Side | None) -> str:
    """What reading the pairs for a name is counted under."""
    return name if side is None else f"{name} {side}"
