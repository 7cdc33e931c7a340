"""Amounts of money in settings: which assets a number without a currency may mean. Pure."""

from __future__ import annotations

#: Kraken: national currencies (its Assets without a chain). What comes in for coins in one of these is cash.
FIAT = frozenset({"USD", "EUR", "GBP", "CAD", "AUD", "CHF", "JPY", "AED", "BRL", "MXN", "ARS", "COP", "PLN"})
#: Quotes of Kraken's pairs (AssetPairs) that are money, or a coin that its issuer redeems one for one in it.
#: A number without a currency was always meant as about so much money; in any other quote it is something
#: else (50 of ETH/BTC's quote are 50 BTC). What is missing here is refused, which loses nothing but the old
#: way of writing it.
MONEY = FIAT | {
    "DAI", "EURC", "EURQ", "EURR", "PYUSD", "RLUSD", "USDC", "USDG", "USDQ", "USDR", "USDT",
}  # fmt: skip


def needs_currency(pair: str) -> bool:
    """Whether an amount for this pair (ETH/BTC) has to name its currency."""
    return pair.partition("/")[2] not in MONEY
