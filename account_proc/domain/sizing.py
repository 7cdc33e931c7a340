"""What a user does about fills of the master. Pure: values in, values out; no clock, no files, no exchange.

``decide`` answers one run of fills of one pair and side. ``CopyBook`` holds what the rules need to remember,
and its ``settle`` takes in how the user's order ended.

The rules are those of the README ("How a copy is sized"):

* whether a fill is copied at all: domain/eligibility.py;
* how much is bought, and at what price at most: domain/entry_sizing.py;
* how much is sold: domain/exit_sizing.py;
* what is below the exchange's minimum is carried for that pair and side, never rounded up.
"""

from __future__ import annotations

from collections.abc import Sequence

from krakencopy.account_proc.contract.spec import BalanceBasis, CopyRules
from krakencopy.account_proc.domain.copy_book import CopyBook
from krakencopy.account_proc.domain.copy_plan import (
    MasterFill,
    UserBalances,
    Verdict,
)
from krakencopy.account_proc.domain.eligibility import capital_of, why_refused
from krakencopy.account_proc.domain.entry_sizing import size_entry
from krakencopy.account_proc.domain.exit_sizing import size_exit
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.domain.quantities import (
    Side,
)


def decide(
    book: CopyBook,
    fills: Sequence[MasterFill],
    pair: PairRules,
    rules: CopyRules,
    holdings: UserBalances,
    now: float,
    *,
    excluded: str = "",
) -> Verdict:
    """Answers fills of one pair and one side, in order. Each fill ends up in exactly one decision.
    ``excluded``: why entries in the pair are not copied, if so.
    """
    verdict = Verdict(user_equity=holdings.equity)
    live: list[MasterFill] = []
    for fill in fills:
        refusal = why_refused(fill, rules, holdings, now, excluded)
        if refusal is None:
            live.append(fill)
        else:
            verdict.decisions.append(refusal)
    if not live:
        return verdict
    if live[0].side is Side.BUY:
        if rules.balance is BalanceBasis.ALLOCATED:
            verdict.user_equity = capital_of(rules, holdings)
        size_entry(book, live, pair, rules, holdings, verdict)
    else:
        size_exit(book, live, pair, holdings, verdict)
    return verdict
