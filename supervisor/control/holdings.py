"""What copying holds in an account and would be sold, by what its process or its ledger shows, in figures for
people.
"""

from __future__ import annotations

from collections.abc import Iterable

from krakencopy.supervisor.accounts.account_view import account_message
from krakencopy.supervisor.accounts.flatten_plan import flatten_plan
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.control.pages import END
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2

#: Coins that are named in one sentence at most.
NAMED_MAX = 8


def planned_sales(journal: Journal, account: types_pb2.Account) -> Iterable[pb.FlattenPosition]:
    """What would be sold of an account as it is shown, by coin."""

    def last_fill(pair: str) -> types_pb2.Fill | None:
        # Copies may be in another pair than the master's (`map`).
        masters = journal.coins.pair_of(pair.partition("/")[0]) or pair
        return next(iter(journal.fills_before(END, 1, masters)), None)

    if account.ledger_fault:
        return [pb.FlattenPosition(account_id=account.id, message=account.ledger_fault)]
    return flatten_plan(account, last_fill)


def holdings_words(journal: Journal, account: SupervisedAccount) -> str | None:
    """What copying holds there, and about what it is worth; empty for nothing, None where the account's
    process does not say.
    """
    link = account.process.link
    if link is None or not link.snapshot.positions_known:
        return None
    named = [_words(one) for one in planned_sales(journal, account_message(account, None, 0))]
    more = f" and {len(named) - NAMED_MAX} coins more" if len(named) > NAMED_MAX else ""
    return ", ".join(named[:NAMED_MAX]) + more


def _words(held: pb.FlattenPosition) -> str:
    worth = f" (about {held.value.amount} {held.value.asset})" if held.value.amount else ""
    return f"{held.volume} {held.asset}{worth}"
