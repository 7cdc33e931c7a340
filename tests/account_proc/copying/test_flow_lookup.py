"""The exchange's ledger is asked as seldom as can be, and why it does not help is said."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal

from krakencopy.account_proc.contract.errors import ExchangeRefused, OutcomeUnknown, RateLimited
from krakencopy.account_proc.copying.flow_lookup import CLOCK_SLACK_S, TRIES_MAX, FlowLookup
from krakencopy.account_proc.copying.limit_flows import Baseline
from krakencopy.account_proc.kraken.key_check import LEDGER
from krakencopy.account_proc.kraken.rest.messages import LedgerRow

CHANGE = {"USD": Decimal(-1), "BTC": Decimal(2)}
BEFORE = Baseline(wallet={"USD": Decimal(5)}, revision=1, at=1000.0)
NOW = {"USD": Decimal(4), "BTC": Decimal(2)}
ROWS = [
    LedgerRow(id="L1", refid="R", time=Decimal(1), kind="spend", asset="USD", change=Decimal(-1)),
    LedgerRow(id="L2", refid="R", time=Decimal(1), kind="receive", asset="BTC", change=Decimal(2)),
]


class Asked:
    """Counts, and answers with what is given."""

    def __init__(self, answer: Sequence[LedgerRow] | Exception, *, may: bool = True) -> None:
        self.answer, self.since = answer, list[float]()
        self._may = may
        self.lookup = FlowLookup(self._read, self._may_read)

    async def _may_read(self) -> bool:
        return self._may

    async def _read(self, since: float) -> Sequence[LedgerRow]:
        self.since.append(since)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def ask(self, baseline: Baseline | None = BEFORE) -> None:
        await self.lookup.ask([CHANGE], baseline, NOW, str)


def run(steps: Callable[[], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        await steps()

    asyncio.run(all_of_it())


def test_an_answer_is_that_of_its_question_and_is_forgotten_with_it() -> None:
    async def steps() -> None:
        asked = Asked(ROWS)
        assert asked.lookup.is_open([CHANGE])
        assert asked.lookup.found([CHANGE]) is None
        await asked.ask()
        assert asked.since == [1000.0 - CLOCK_SLACK_S]
        assert not asked.lookup.is_open([CHANGE])
        assert asked.lookup.found([CHANGE]) == {}
        assert asked.lookup.is_open([CHANGE, CHANGE])
        assert asked.lookup.found([CHANGE, CHANGE]) is None
        asked.lookup.forget()
        assert asked.lookup.is_open([CHANGE])

    run(steps)


def test_nothing_is_asked_without_the_permission_or_a_time() -> None:
    async def steps() -> None:
        asked = Asked(ROWS, may=False)
        await asked.ask()
        assert LEDGER in asked.lookup.why
        assert not asked.lookup.is_open([CHANGE])
        asked = Asked(ROWS)
        await asked.ask(None)
        assert asked.lookup.why
        assert not asked.since

    run(steps)


def test_a_refusal_is_final_and_other_errors_are_not() -> None:
    async def steps() -> None:
        asked = Asked(ExchangeRefused("Ledgers", ("EGeneral:Permission denied",)))
        await asked.ask()
        assert "Permission denied" in asked.lookup.why
        for error in (RateLimited("Ledgers", ("EAPI:Rate limit exceeded",)), OutcomeUnknown("Ledgers", "x")):
            asked = Asked(error)
            for tries in range(TRIES_MAX):
                assert asked.lookup.is_open([CHANGE]), tries
                await asked.ask()
            assert "does not explain it" in asked.lookup.why
            assert asked.lookup.found([CHANGE]) is None

    run(steps)
