"""Carried entries that no later fill takes along any more, as their pair is filtered away or is copied in
another one: they would wait for ever, and are given up. What was bought stays copied, and is sold when the
master leaves.
"""

from __future__ import annotations

import logging

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import Side

log = logging.getLogger(__name__)


def give_up_excluded(context: CopyContext) -> None:
    """Gives them up, durably. Raises LedgerFault."""
    given_up = []
    for pair, side in list(context.book.carried):
        if side is Side.SELL:
            continue
        ids = dict.fromkeys(piece.copy_id for piece in context.book.carried[pair, side])
        copies = list(filter(None, map(context.ledger.copy, ids)))
        whys = {copy.copy_id: why for copy in copies if (why := _why(context, pair, copy)) is not None}
        context.book.give_up_entries(pair, whys.keys())
        for copy in copies:
            if copy.copy_id in whys:
                copy.reason, words = whys[copy.copy_id]
                copy.detail += f"; given up, as {words}"
                log.info("what copy %s carried for entries in %s is given up: %s", copy.copy_id, pair, words)
                given_up.append(copy)
    if given_up:
        context.ledger.commit(copies=given_up, book=context.book)
        context.changed()


def _why(context: CopyContext, pair: str, copy: CopyRecord) -> tuple[Reason, str] | None:
    """Why what a copy carries in a pair waits for nothing, if so."""
    of_master = context.book.names.current_pair(copy.filtered_by)
    if excluded := context.by_pair.of(of_master).excluded:
        return Reason.PAIR_EXCLUDED, excluded
    goes_to = context.pair_map.of(of_master)
    if goes_to == pair:
        return None
    return Reason.MAP_CHANGED, f"{of_master} is copied in {goes_to} from now on (map)"
