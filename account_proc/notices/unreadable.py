"""What an operator should know of one account that holds up nothing else: a pair without rules, a row that
cannot be read.

Each is said once in the log, counted when it comes again, and shown with the account until it has not come
again for a day. Pure but for the log: knows neither the exchange nor who shows it.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.kraken.rest.messages import OddRow
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)

#: Shown for so long after it came last, in seconds.
SHOWN_S = 86_400.0
#: One that goes on is logged again after this, in seconds.
REPEAT_S = 3_600.0
#: Kinds of odd rows are few, and pairs that nobody lists as well; more than that is one fault seen a hundred
#: times.
NOTICES_MAX = 100


class NoticeCode(StrEnum):
    """See ``krakencopy.v1.Notice``."""

    UNKNOWN_PAIR = "UNKNOWN_PAIR"
    NOT_LISTED = "NOT_LISTED"
    ROW_UNREADABLE = "ROW_UNREADABLE"
    TRADE_UNREADABLE = "TRADE_UNREADABLE"
    BALANCE_UNREADABLE = "BALANCE_UNREADABLE"
    MARKET_REFUSED = "MARKET_REFUSED"
    NO_PRICE = "NO_PRICE"
    PATTERN_MATCHES_NOTHING = "PATTERN_MATCHES_NOTHING"
    LIMIT_WARNED = "LIMIT_WARNED"
    LIMIT_HIT = "LIMIT_HIT"
    LIMIT_NOT_JUDGED = "LIMIT_NOT_JUDGED"
    MAPPED_PAIR_NOT_LISTED = "MAPPED_PAIR_NOT_LISTED"
    UNKNOWN_CURRENCY = "UNKNOWN_CURRENCY"


_OF_METHOD = {
    "TradesHistory": NoticeCode.TRADE_UNREADABLE,
    "Balance": NoticeCode.BALANCE_UNREADABLE,
    "BalanceEx": NoticeCode.BALANCE_UNREADABLE,
}
_MEANING = {
    NoticeCode.TRADE_UNREADABLE: "the trade is not copied unless the feed tells of it; look it up at the "
    "exchange",
    NoticeCode.BALANCE_UNREADABLE: "how much there is of it is not known",
    NoticeCode.ROW_UNREADABLE: "it is left out, all others count",
}


@dataclass(slots=True, kw_only=True)
class Notice:
    """One thing to know. Times in Unix seconds."""

    code: NoticeCode
    #: What it is about: a pair, an id, an asset.
    subject: str
    message: str
    count: int
    first_at: float
    last_at: float
    logged_at: float

    def to_proto(self) -> pb.Notice:
        """It in the public API."""
        return pb.Notice(
            code=self.code, subject=self.subject, message=self.message, count=self.count,
            first_at=timestamp(self.first_at), last_at=timestamp(self.last_at),
        )  # fmt: skip


class Notices:
    """An account's, the oldest first."""

    def __init__(self, now: Callable[[], float], changed: Callable[[], None]) -> None:
        self._now = now
        self._changed = changed
        self._notices: OrderedDict[tuple[str, str], Notice] = OrderedDict()

    def note(self, code: NoticeCode, subject: str, message: str) -> None:
        """It has come up, perhaps again."""
        now = self._now()
        notice = self._notices.get((code, subject))
        if notice is None:
            notice = Notice(
                code=code, subject=subject, message=message, count=0, first_at=now, last_at=now, logged_at=0.0
            )
            self._notices[code, subject] = notice
            while len(self._notices) > NOTICES_MAX:
                self._notices.popitem(last=False)
            self._changed()
        notice.message, notice.count, notice.last_at = message, notice.count + 1, now
        if now - notice.logged_at > REPEAT_S:
            notice.logged_at = now
            log.warning("%s: %s", code, message)

    def hold(self, code: NoticeCode, messages: Mapping[str, str]) -> None:
        """What holds of a kind now, by what it is about; the others of that kind are over."""
        over = [key for key in self._notices if key[0] == code and key[1] not in messages]
        for key in over:
            log.info("%s %s: over", *key)
            del self._notices[key]
        if over:
            self._changed()
        for subject, message in messages.items():
            if (known := self._notices.get((code, subject))) is None:
                self.note(code, subject, message)
            elif self._now() - known.last_at > REPEAT_S:
                known.message, known.last_at = message, self._now()

    def odd_row(self, method: str, row: OddRow) -> None:
        """A row of an answer cannot be read."""
        code = _OF_METHOD.get(method, NoticeCode.ROW_UNREADABLE)
        words = f"{method}: row {row.key} cannot be read ({row.problem}); {_MEANING[code]}"
        self.note(code, row.key, words)

    def market_refused(self, pair: str, words: str) -> None:
        """The account may not trade in a pair."""
        self.note(
            NoticeCode.MARKET_REFUSED,
            pair,
            f"the exchange lets this account not trade in {pair} ({words}); other pairs go on",
        )

    def shown(self) -> list[Notice]:
        """What holds or has come up lately."""
        since = self._now() - SHOWN_S
        return [notice for notice in self._notices.values() if notice.last_at >= since]
