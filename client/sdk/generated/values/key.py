"""Values of key calls and what they hold. Made from the protos by tests/support/sdk.py."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from krakencopy.client.sdk.field import Field
from krakencopy.client.sdk.value import Value
from krakencopy.v1 import types_pb2 as types


class NonceStatus(Value[types.NonceStatus]):
    """An account's nonce custody, as its own process sees it."""

    path: Field[str]
    """The file that holds the nonce and carries the lock."""
    last: Field[int]
    """The last nonce that was handed out (microseconds since the Unix epoch, or more)."""
    reserved: Field[int]
    """No nonce above this may be handed out before the file is written again."""


class NonceReport(Value[types.NonceReport]):
    """Everything that is known about the nonce of one account's API key."""

    account_id: Field[str]
    """The account."""
    path: Field[str]
    """The file that holds the nonce and carries the lock."""
    last: Field[int]
    """The last nonce that was handed out; 0 while no process runs."""
    reserved: Field[int]
    """No nonce up to this is handed out again, whatever happens: what the file says."""
    ahead_us: Field[int]
    """How far `last` (without a process: `reserved`) is ahead of this machine's clock, in microseconds;
    usually negative.
    """
    holder_pid: Field[int]
    """The process that holds the lock, 0 for none."""
    exchange_known: Field[bool]
    """Whether the exchange showed the key's nonce."""
    exchange_nonce: Field[int]
    """The last nonce that the exchange accepted for this key."""
    exchange_window: Field[int]
    """The key's nonce window at the exchange."""
    clock_offset_ms: Field[int]
    """The exchange's clock minus this machine's, in milliseconds, to about a second; only with
    `exchange_known`.
    """
    verdict: Field[str]
    """OK, or why not, as a stable code: NONCE_BEHIND, NONCE_AHEAD, NONCE_WINDOW, FILE_DAMAGED, FILE_MISSING,
    NOT_ASKED.
    """
    message: Field[str]
    """The same for people, with what to do about it."""


class PairTerms(Value[types.PairTerms]):
    """What an account pays for its trades in a pair, in percent of the cost, and which orders the exchange
    takes.
    """

    pair: Field[str]
    """The pair, e.g. "BTC/USD"."""
    maker_percent: Field[Decimal | None]
    """For orders that rest first."""
    taker_percent: Field[Decimal | None]
    """For orders that trade at once."""
    ordermin: Field[Decimal | None]
    """Least volume of an order, in base."""
    costmin: Field[Decimal | None]
    """Least cost of an order, in quote."""
    tick_size: Field[Decimal | None]
    """Prices are multiples of this, in quote."""
    lot_decimals: Field[int]
    """Decimals of a volume."""
    status: Field[str]
    """Kraken's word for what the pair takes now, e.g. "online" or "cancel_only"."""


class Preflight(Value[types.Preflight]):
    """What was found out about an API key and its account before anything was traded with it."""

    checked_at: Field[datetime | None]
    """When it was found out."""
    key_known: Field[bool]
    """Whether the exchange showed what the key may do; if not, permissions, window, expiry and addresses are
    not known.
    """
    permissions: Field[tuple[str, ...]]
    """What the key may do, in Kraken's names, e.g. "query-funds"."""
    missing_permissions: Field[tuple[str, ...]]
    """What this account needs and the key may not do."""
    nonce_window: Field[int]
    """The key's nonce window, in units of its nonces; 0 is the safe setting."""
    valid_until: Field[datetime | None]
    """When the key stops to work; absent for never."""
    allowed_addresses: Field[tuple[str, ...]]
    """Addresses from which the key works; empty for all."""
    clock_offset_ms: Field[int]
    """The exchange's clock minus this machine's, in milliseconds, to about a second."""
    pairs: Field[tuple[PairTerms, ...]]
    """What holds for the account in the pairs that it trades: its own fees, and the exchange's rules now."""
    warnings: Field[tuple[str, ...]]
    """What an operator should know, e.g. that the key may withdraw."""
    account_number: Field[str]
    """The account's own public number at the exchange, masked but for its end: the same for all of its keys.
    Empty where it is not shown.
    """
