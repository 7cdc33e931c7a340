"""What each copy should have been: the rules of the README ("How a copy is sized") once more, in fractions,
from records alone.

It shares no code with the system. For each user it goes through the copies in the order in which they were
decided, and counts what copying holds of each coin across pairs (decision 26, ``coins.py``), with the
master's fills as the journal froze them, the user's equity as the copy recorded it, and what the *exchange*
booked for the copy's orders. Where a record does not tell what a decision depended on (free cash, coins
withdrawn by hand), it says so: the volume is then checked against bounds and counted as such.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.chaos.coin_book import LOT, Bought, CoinBook
from tests.chaos.model_entries import JudgesEntries
from tests.chaos.model_exits import JudgesExits
from tests.chaos.model_judging import show
from tests.chaos.model_owed import Checked
from tests.chaos.rows import Copy, Fill, UserTerms
from tests.chaos.terms import PAIRS

ENDED_WITHOUT_PLAN = {
    "STALE_ENTRY", "MARGIN_TRADE", "NO_EQUITY", "MASTER_EQUITY_UNKNOWN", "UNKNOWN_PAIR", "PAIR_EXCLUDED",
    "NO_MARK", "TRADING_REDUCING", "TRADING_HALTED", "LIMIT_HIT",
}  # fmt: skip


class PairModel(JudgesEntries, JudgesExits):
    """One user in one pair: its copies, one after the other."""

    def take(self, copy: Copy, fills: Sequence[Fill], booked: Bought) -> None:
        """The next copy that was decided, with what came of it."""
        self._book.go_on_to(copy.decided_at, {self._pair.base, self._pair.quote})
        if copy.state == "SKIPPED" and copy.reason in ENDED_WITHOUT_PLAN:
            if (
                copy.side == "sell"
                and copy.reason != "MARGIN_TRADE"
                and self._known
                and self._position >= LOT
            ):
                self._find(copy, f"an exit of {show(self._position)} was not made")
            return
        if copy.side == "buy":
            if copy.reason == "FLATTEN":
                # It was carried, and given up when somebody had the account flattened: nobody says when.
                self._forget()
            self._enter(copy, fills, booked)
        elif copy.reason == "FLATTEN":
            self._flatten(copy)
        elif fills:
            self._exit(copy, fills, booked)
        else:
            self._sell_owed(copy, booked)


def check_volumes(
    user: UserTerms,
    copies: Sequence[Copy],
    fills: Mapping[int, Fill],
    booked: Mapping[str, Bought],
    *,
    coins_taken: frozenset[str] = frozenset(),
    minima_moved: frozenset[str] = frozenset(),
) -> Checked:
    """All copies of one user. ``booked`` by copy id; ``coins_taken`` names coins, ``minima_moved`` pairs."""
    book = CoinBook()
    models: dict[str, PairModel] = {}
    for pair in PAIRS.values():
        models[pair.symbol] = PairModel(
            user, pair, book, models,
            coins_taken=pair.base in coins_taken, minimum_moved=pair.symbol in minima_moved,
        )  # fmt: skip
    for copy in sorted(copies, key=lambda copy: (copy.decided_at, min(copy.seqs, default=0))):
        if copy.pair in models and all(seq in fills for seq in copy.seqs):
            models[copy.pair].take(
                copy, [fills[seq] for seq in copy.seqs], booked.get(copy.copy_id, Bought())
            )
    total = Checked()
    for model in models.values():
        total.add(model.checked)
    return total
