"""Carried entries that no later fill takes along any more, as their pair is filtered away or is copied in
another one: they would wait for ever, and are given up. What was bought stays copied, and is sold when the
master leaves.
"""

from __future__ import annotations

import logging

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.domain.copy_record import CopyRecord

log = logging.getLogger(__name__)


def give_up_excluded(context: CopyContext, of_copy: str = "") -> None:
    """Gives them up, durably: of all copies, or what one of them carries. Raises LedgerFault."""
    given_up = []
    for pair, copy_ids in context.book.carried_entries().items():
        looked_at = [copy_id for copy_id in copy_ids if of_copy in {"", copy_id}]
        for copy in filter(None, map(context.ledger.copy, looked_at)):
            if (why := _why(context, pair, copy)) is None:
                continue
            copy.reason, words = why
            copy.detail += f"; given up, as {words}"
            log.info("what copy %s carried for entries in %s is given up: %s", copy.copy_id, pair, words)
            context.book.give_up_entries(pair, [copy.copy_id])
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
