"""What the exchange says to everybody: its clock, its pairs and assets, prices."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from krakencopy.account_proc.contract.errors import (
    ExchangeError,
    ExchangeRefused,
    RateLimited,
)
from krakencopy.account_proc.domain.order import Quote
from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.domain.pairs import NOT_LISTED, PairRules
from krakencopy.account_proc.domain.sent_values import LAST_SECOND, NAME_LENGTH_MAX, shown, whole
from krakencopy.account_proc.kraken.calls import Calls, expected_form
from krakencopy.account_proc.kraken.errors import (
    ServiceTrouble,
)
from krakencopy.account_proc.kraken.pair_rows import TOKENIZED, pair_table
from krakencopy.account_proc.kraken.rest.messages import (
    OddRow,
    quote_of,
    readable,
)
from krakencopy.account_proc.kraken.rest.request_queue import Priority
from krakencopy.account_proc.runtime.pauses import doubled_s

log = logging.getLogger(__name__)

#: Questions for prices that one question becomes at most when it is refused: 1 pair among 20 is found by some
#: ten.
TICKER_CALLS_MAX = 24
#: A pair whose price was refused is asked for by itself from then on, after so long, in seconds, doubled each
#: time up to the most: what it is worth is missing in equity meanwhile.
PRICE_RETRY_S, PRICE_RETRY_MAX_S = 5.0, 1_800.0


class MarketReads:
    """Public reads of one exchange. All methods raise ExchangeError."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._table: PairTable | None = None
        #: By pair whose price was refused: how often in a row, and until when it is not asked for (monotonic
        #: seconds).
        self._price_refused: dict[str, tuple[int, float]] = {}

    async def server_time(self) -> int:
        """The exchange's clock in whole unix seconds."""
        result = await self._calls.public("Time", priority=Priority.READ)
        with expected_form("Time"):
            return whole(result["unixtime"], LAST_SECOND)

    async def asset_pairs(self) -> PairTable:
        """All pairs and assets, read anew. The other methods read names by it, until they are given another
        table.

        Kraken lists tokenised assets by themselves. Without an answer to that question there is a table all
        the same.
        """
        pairs = await self._listed("AssetPairs", "aclass_base")
        assets = await self._listed("Assets", "aclass")
        with expected_form("AssetPairs"):
            table = pair_table(pairs, assets)
            if not len(table):
                raise ValueError("no pairs")
        for key in table.skipped:
            self._calls.odd("AssetPairs", OddRow(key, None, "it lacks what trading needs"))
        self._table = table
        return table

    async def _listed(self, method: str, parameter: str) -> Mapping[str, Any]:
        rows = await self._calls.public(method, priority=Priority.BACKGROUND)
        more: Mapping[str, Any] = {}
        try:
            answer = await self._calls.public(method, {parameter: TOKENIZED}, priority=Priority.BACKGROUND)
            with expected_form(method):
                more = dict(answer.items())
        except ExchangeError as error:
            log.warning("%s: tokenised assets are not known: %s", method, error)
        with expected_form(method):
            # An exchange that does not know the question answers it as the first one: the first answer
            # counts.
            return {**more, **rows}

    def read_names_by(self, table: PairTable) -> None:
        """All methods but ``asset_pairs`` use this table from now on."""
        self._table = table

    async def table(self) -> PairTable:
        """By what names are read: the table that was set last, or one that is read now."""
        return await self.asset_pairs() if self._table is None else self._table

    async def market_states(self, pair: str) -> tuple[str, ...]:
        """What the exchange says now of its own state and of a pair's, in its words. Raises UnknownName."""
        name = (await self.table()).pair(pair).altname
        system = await self._calls.public("SystemStatus", priority=Priority.READ)
        rows = await self._calls.public("AssetPairs", {"pair": name}, priority=Priority.READ)
        with expected_form("AssetPairs"):
            states = [system["status"], *(row.get("status", "online") for row in rows.values())]
            return tuple(shown(state, NAME_LENGTH_MAX) for state in states)

    async def ticker(self, pairs: Sequence[str]) -> dict[str, Quote]:
        """Prices by our name of the pair (BTC/USD). Left out: pairs that are not listed, that the exchange
        refuses (one such pair refuses a whole question, so it is found by asking for fewer), and those whose
        row cannot be read.
        """
        table = await self.table()
        now = time.monotonic()
        found = (table.find(pair) for pair in pairs)
        wanted = {rules.name: rules for rules in found if rules and rules.status != NOT_LISTED}
        refused = {name: self._price_refused[name] for name in wanted if name in self._price_refused}
        groups = [
            [
                rules
                for name, rules in wanted.items()
                if rules.asset_class == asset_class and name not in refused
            ]
            for asset_class in ("", TOKENIZED)
        ]
        groups += [[wanted[name]] for name, (_, until) in refused.items() if until <= now or len(wanted) == 1]
        return await self._quotes([group for group in groups if group], table)

    async def _quotes(self, groups: list[list[PairRules]], table: PairTable) -> dict[str, Quote]:
        """Prices of pairs, each group of one class. Trouble at the exchange is that of a pair only if
        other pairs are returned beside it.
        """
        quotes: dict[str, Quote] = {}
        waiting, calls = groups[::-1], 0
        untold: dict[str, ExchangeError] = {}
        trouble: ServiceTrouble | None = None
        told_any = False
        while waiting and calls < TICKER_CALLS_MAX:
            some, calls = waiting.pop(), calls + 1
            params = {"pair": ",".join(pair.altname for pair in some)}
            if some[0].asset_class:
                params["asset_class"] = some[0].asset_class
            try:
                result = await self._calls.public("Ticker", params, priority=Priority.READ)
            except RateLimited:
                raise
            except (ExchangeRefused, ServiceTrouble) as error:
                trouble = error if isinstance(error, ServiceTrouble) else trouble
                half = len(some) // 2
                if half:
                    waiting += [some[half:], some[:half]]
                else:
                    untold[some[0].name] = error
                continue
            told_any = True
            with expected_form("Ticker"):
                # Kraken: keyed by the canonical id, whatever was asked for.
                rows = readable(result, lambda _, row: quote_of(row), partial(self._calls.odd, "Ticker"))
            quotes |= {pair.name: quote for key, quote in rows.items() if (pair := table.find(key))}
        if trouble is not None and not told_any:
            raise trouble
        for name in quotes:
            self._price_refused.pop(name, None)
        for name, why in untold.items():
            times, _ = self._price_refused.get(name, (0, 0.0))
            pause = doubled_s(times, PRICE_RETRY_S, PRICE_RETRY_MAX_S)
            log.warning(
                "the exchange tells no price of %s: %s; asked again in %.0f s at the earliest",
                name,
                why,
                pause,
            )
            self._price_refused[name] = times + 1, time.monotonic() + pause
        return quotes
