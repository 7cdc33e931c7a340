"""A user's life, and what a replay of it finds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

from krakencopy.account_proc.contract.spec import CopyRules, Tier
from krakencopy.account_proc.domain.copy_record import PLANNED_DECIMALS, CopyRecord
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits
from krakencopy.account_proc.simulation.history import (
    MasterHistory,
    Rename,
    UserHistory,
    pair_table,
    user_history,
)
from krakencopy.account_proc.simulation.replay import Account, Interval, Past, Replayed, replay
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying import BTC, ETH, NOW
from tests.support.copying_user import User
from tests.support.scripted_kraken import until

EVER = Interval(since=0.0, until=NOW + 1e6)
TAKER = Decimal("0.004")


def shown(copies: Iterable[CopyRecord]) -> list[tuple[object, ...]]:
    """What must be the same, by the fills that they answer."""
    return sorted(
        (
            copy.fill_seqs, copy.pair, copy.master_pair, copy.side, copy.state, copy.reason, copy.cap,
            round(copy.planned, PLANNED_DECIMALS), copy.ordered, copy.filled, copy.cost, copy.fee,
            copy.user_equity,
        )
        for copy in copies
    )  # fmt: skip


def replayed(
    path: Path, fills: Iterable[pb.Fill], rules: CopyRules, interval: Interval = EVER,
    history: UserHistory | None = None, renames: Iterable[Rename] = (), pairs: Iterable[PairRules] = (),
) -> Replayed:  # fmt: skip
    """What a replay finds of the ledger at this path, or of this history."""
    history = user_history(path) if history is None else history
    assert history is not None
    account = Account(account_id="anna", rules=rules, history=history)
    master = MasterHistory(
        journal_id="a journal", fills=tuple(fills), joined={"anna": 0}, renames=tuple(renames)
    )
    return replay(account, past_of(master, [BTC, ETH, *history.pairs, *pairs], interval))


def past_of(master: MasterHistory, pairs: Iterable[PairRules], interval: Interval = EVER) -> Past:
    return Past(master=master, table=pair_table(pairs), interval=interval, taker=TAKER)


class Living(User):
    """A user by whose clock no two things happen at one time, as by an account's own."""

    @property
    def now(self) -> float:
        self._now += 1e-3
        return self._now

    @now.setter
    def now(self, now: float) -> None:
        self._now = now


@asynccontextmanager
async def living(ledger: Ledger, rules: CopyRules) -> AsyncIterator[User]:
    user = Living(ledger, AccountLimits(Tier.UNLIMITED), rules)
    await user.portfolio.load()
    user.copier._flatten.begin()
    yield user


async def sold_out(user: User) -> None:
    """Waits until all that copying holds is sold."""
    selling = asyncio.create_task(user.copier.sell_owed_exits(user.change_signal))

    def is_sold() -> bool:
        user.now += 1
        return user.copier.positions.to_proto() == []

    await until(is_sold)
    selling.cancel()
