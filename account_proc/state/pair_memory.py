"""The rules of the pairs that an account has to do with, kept in its ledger.

A pair that the exchange lists no more has no rules to be read, and what is held in it must be sold by some:
those that were read last.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable

from krakencopy.account_proc.contract.ledger_file import PAIRS
from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.domain.pairs import PairRules, rules_from, rules_line
from krakencopy.account_proc.state.ledger import Ledger

log = logging.getLogger(__name__)

#: An account asks for a few dozen: what it trades, and what its holdings are priced in.
PAIRS_MAX = 300


class PairMemory:
    """One account's."""

    def __init__(self, ledger: Ledger) -> None:
        """What an earlier process kept. Rules that cannot be read are forgotten: the exchange tells them
        again where it lists them.
        """
        self._ledger = ledger
        self._kept = ledger.kept_value(PAIRS) or "[]"
        self._pairs: dict[str, PairRules] = {}
        #: The table that was kept last, and how many of its pairs had been asked for.
        self._done: tuple[PairTable | None, int] = (None, 0)
        try:
            self._pairs = {pair.name: pair for pair in map(rules_from, json.loads(self._kept))}
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            log.warning("the rules of pairs in %s cannot be read: %s", ledger.path, error)

    def join(self, table: PairTable, asked: Iterable[PairRules] = ()) -> PairTable:
        """A new table, with those of the pairs known here and ``asked`` that are not in it."""
        self._pairs |= {pair.name: pair for pair in asked}
        return table.remembering(self._pairs.values())

    def keep_asked(self, table: PairTable) -> None:
        """Makes durable what the account has asked for, as it is now. Costs nothing where nothing is new.
        Raises LedgerFault.
        """
        done = table, table.answers
        if done == self._done:
            return
        self._done = done
        self._pairs |= {pair.name: pair for pair in table.asked}
        while len(self._pairs) > PAIRS_MAX:
            del self._pairs[next(iter(self._pairs))]
        body = json.dumps([rules_line(pair) for pair in self._pairs.values()])
        if body != self._kept:
            self._ledger.keep_value(PAIRS, body)
            self._kept = body
