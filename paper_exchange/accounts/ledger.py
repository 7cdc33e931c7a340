"""The ledger of an account: one entry for every change of a balance. Records only."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from krakencopy.paper_exchange.values.pairs import Asset


class LedgerKind(StrEnum):
    """Why a balance changed, in the words of the Ledgers method; there is nothing else that changes one
    here.
    """

    TRADE = "trade"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    EARN = "earn"
    TRANSFER = "transfer"
    SPEND = "spend"
    RECEIVE = "receive"
    MARGIN = "margin"


@dataclass(frozen=True, slots=True)
class BalanceChange:
    """A change of a balance outside of trading."""

    kind: LedgerKind
    asset: Asset
    amount: Decimal
    subtype: str = ""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A change of one balance. `amount` is without the fee, `balance` is what was there afterwards.

    Kraken: the two entries of a trade share their `refid`, the trade's id.
    """

    id: str
    refid: str
    at_us: int
    kind: LedgerKind
    asset: Asset
    amount: Decimal
    fee: Decimal
    balance: Decimal
    subtype: str = ""
