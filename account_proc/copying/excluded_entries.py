"""Carried entries of pairs that are not copied any more: they would wait for ever, and are given up. What was
bought stays copied, and is sold when the master leaves.
"""

from __future__ import annotations

import logging

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.domain.quantities import Side

log = logging.getLogger(__name__)


def give_up_excluded(context: CopyContext) -> None:
    """Gives them up, durably. Raises LedgerFault."""
    copies = []
    for pair, side in list(context.book.carried):
        why = context.by_pair.of(pair).excluded
        if side is Side.SELL or not why:
            continue
        log.info("what is carried for entries in %s is given up: %s", pair, why)
        for copy_id in context.book.give_up_entries(pair):
            copy = context.ledger.copy(copy_id)
            if copy is not None:
                copy.reason = Reason.PAIR_EXCLUDED
                copy.detail += f"; given up, as {why}"
                copies.append(copy)
    if copies:
        context.ledger.commit(copies=copies, book=context.book)
        context.changed()
