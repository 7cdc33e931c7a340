"""What changes balances without a trade: deposits, moves between an asset and its forms, converts, renames.

Nothing of this is in TradesHistory; Ledgers and the balances channel report it.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Final

from krakencopy.paper_exchange.accounts.account import Account
from krakencopy.paper_exchange.accounts.ledger import BalanceChange, LedgerKind
from krakencopy.paper_exchange.values.pairs import Asset, form_of
from krakencopy.paper_exchange.venue.exchange import Exchange

# Kraken: into earn products by a row of kind `earn` on either side, as recorded of Auto Earn and of flexible
# and bonded products.
_EARN_FORMS: Final = frozenset({".F", ".B", ".M"})
# Kraken: staked coins were moved by transfers, whose subtype names both places (the form's own row has the
# mirrored one).
_STAKED_FORMS: Final = (".S", ".P")


def deposit(
    exchange: Exchange, account: Account, asset: Asset, amount: Decimal, now_us: int, *, futures: bool = False
) -> bool:
    """Add to a balance, or take away where negative; False where less than that is available.

    `futures`: from or to the account's futures wallet, which has no row of its own here.
    """
    if account.unheld(asset) + amount < 0:
        return False
    inwards = amount >= 0
    if futures:
        change = BalanceChange(
            LedgerKind.TRANSFER, asset, amount, "spotfromfutures" if inwards else "spottofutures"
        )
    else:
        change = BalanceChange(LedgerKind.DEPOSIT if inwards else LedgerKind.WITHDRAWAL, asset, amount)
    exchange.book(account, [change], now_us)
    return True


def move(
    exchange: Exchange, account: Account, asset: Asset, suffix: str, amount: Decimal, now_us: int
) -> bool:
    """Move an amount from an asset into its form, back where it is negative; False where less than that is
    free.
    """
    form = form_of(asset, suffix)
    source = asset if amount > 0 else form
    if account.unheld(source) < abs(amount):
        return False
    kind, out, into = _words(suffix, inwards=amount > 0)
    changes = (BalanceChange(kind, asset, -amount, out), BalanceChange(kind, form, amount, into))
    # What is taken is reported before what is given.
    exchange.book(account, changes if amount > 0 else reversed(changes), now_us)
    return True


def _words(suffix: str, *, inwards: bool) -> tuple[LedgerKind, str, str]:
    """The kind of both rows, the subtype of the asset's own and that of its form's."""
    if suffix in _EARN_FORMS:
        name = "allocation" if inwards else "deallocation"
        return LedgerKind.EARN, name, name
    if suffix.endswith(_STAKED_FORMS):
        subtypes = ("spottostaking", "stakingfromspot") if inwards else ("spotfromstaking", "stakingtospot")
        return LedgerKind.TRANSFER, *subtypes
    return LedgerKind.TRANSFER, "", ""


def convert(
    exchange: Exchange,
    account: Account,
    spend: tuple[Asset, Decimal],
    receive: tuple[Asset, Decimal],
    now_us: int,
) -> bool:
    """Exchange one asset for another outside of the order book, as Kraken's converter does; False where
    less is free.
    """
    if account.unheld(spend[0]) < spend[1]:
        return False
    changes = (
        BalanceChange(LedgerKind.SPEND, spend[0], -spend[1]),
        BalanceChange(LedgerKind.RECEIVE, receive[0], receive[1]),
    )
    exchange.book(account, changes, now_us)
    return True


def rename(exchange: Exchange, old: Asset, name: str, *, keeps_key: bool, now_us: int) -> Asset:
    """Give an asset another name, and let what accounts have of it, in all its forms, be under the new one.

    With `keeps_key` the id stays, so that no balance changes; else the old id ends and the new one begins, by
    a transfer (which rows Kraken's ledgers get of this is not known).
    """
    new = replace(old, id=old.id if keeps_key else name, altname=name, name=name)
    exchange.rename_asset(old, new, now_us)
    for account in exchange.accounts:
        for asset in [asset for asset in account.balances if (asset.underlying or asset) is old]:
            successor = form_of(new, asset.suffix) if asset.suffix else new
            amount = account.balance(asset)
            if not keeps_key and amount:
                kind = LedgerKind.TRANSFER
                exchange.book(
                    account,
                    (BalanceChange(kind, asset, -amount), BalanceChange(kind, successor, amount)),
                    now_us,
                )
            del account.balances[asset]
            account.balances.setdefault(successor, amount)
    return new
