"""What must be known of an API key and the clock before anything is traded, and of the fees beside that; and
what follows.

The judgement is pure: values in, refusals and warnings out. The shell around it asks the exchange, two cheap
calls of the key at a start. A call that failed leaves its part unknown, never "fine", and is made again. It
must not know what is traded.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from math import inf

from krakencopy.account_proc.contract.account_identity import AccountIdentity, masked
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.errors import (
    AccountError,
    ExchangeError,
    ExchangeRefused,
    ExitCode,
    InvalidNonce,
    KeyRefused,
    KeyUsedElsewhere,
    RateLimited,
)
from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.contract.spec import Role
from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.calls import UnexpectedForm
from krakencopy.account_proc.kraken.exchange_clock import Clock, ExchangeClock, clock_words
from krakencopy.account_proc.kraken.rest.messages import ApiKeyInfo, PairFee
from krakencopy.account_proc.runtime.pauses import spread_s
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)

#: Kraken: what reading balances, open and past orders and trades, and the private feed need.
READS = ("query-funds", "query-open-trades", "query-closed-trades", "create-ws-token")
#: Kraken: placing orders, and ending them.
TRADES = ("modify-trades", "close-trades")
#: Kraken: reading the entries of the account's ledger. Limits to losses use it where balances do not show
#: what came from outside.
LEDGER = "query-ledger"
#: Kraken: with any of these, a holder of the key can have the money sent away, now or later.
WITHDRAWS = ("withdraw-funds", "add-withdraw-address", "update-withdraw-address")

#: A key that ends within this time wants a successor, in seconds.
EXPIRY_WARNING_S = 7 * 86_400
#: All of it is asked again after so long, in seconds: keys expire and clocks drift while a process runs for
#: months.
RECHECK_S = 6 * 3600.0
#: How often it is looked whether fees of further pairs are wanted, or something is still unknown, in seconds.
LOOK_S = 60.0
#: More pairs than an account trades, in one call; more would be a URL's length in an answer that nobody
#: reads.
FEE_PAIRS_MAX = 20
#: What an account that has traded nothing yet is given the fees of, and in what assets are traded mostly.
USUAL_PAIR, USUAL_QUOTE = "BTC/USD", "USD"
#: Between two looks at the exchange's nonce when it is ahead of ours, in seconds: a program that trades calls
#: more often than that.
NONCE_LOOK_S = 2.0
#: A key that works, and may not ask what it may do.
_NOT_TOLD = "EGeneral:Permission denied"


class KeyUnfit(AccountError):
    """The key must not be used for this account as it is. Mending it at the exchange is enough: it is
    looked at again.
    """

    exit_code = ExitCode.CREDENTIALS

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


# -- judgement ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Needs:
    """What an account asks of its key."""

    permissions: tuple[str, ...]
    allow_withdraw: bool
    #: Limits to losses that may have to look into the ledger, in words; empty without any.
    looked_up_for: str = ""

    @classmethod
    def of(
        cls, role: Role, *, has_strategy: bool, allow_withdraw: bool, is_shadow: bool = False,
        looked_up_for: str = "",
    ) -> Needs:  # fmt: skip
        """A master that only a person trades, elsewhere, and a shadow need no orders here: their keys may be
        ones that only read.
        """
        trades = TRADES if (role is Role.USER or has_strategy) and not is_shadow else ()
        return cls((*READS, *trades), allow_withdraw, looked_up_for)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyVerdict:
    """What follows from what was found out."""

    missing: tuple[str, ...] = ()
    #: (stable code, what is wrong and what to do); with any of them nothing is traded.
    refusals: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()


def judge(key: ApiKeyInfo | None, clock: Clock, needs: Needs, now: float) -> KeyVerdict:
    """``key``: None where the exchange does not tell. ``now`` by this machine's clock, in Unix seconds."""
    warnings = [words] if (words := clock_words(clock)) else []
    if key is None:
        untold = (
            "the exchange does not tell what the API key may do: permissions, nonce window, expiry "
            "and addresses"
        )
        return KeyVerdict(warnings=(*warnings, f"{untold} are not checked"))
    refusals: list[tuple[str, str]] = []
    _judge_expiry(key, now + clock.offset, refusals, warnings)
    withdraws = [name for name in WITHDRAWS if name in key.permissions]
    if withdraws and needs.allow_withdraw:
        warnings.append(f"the API key may withdraw ({', '.join(withdraws)}), as allow_withdraw_key permits")
    elif withdraws:
        words = (
            f"the API key may withdraw ({', '.join(withdraws)}): a thief of it can take the "
            "money; take that permission "
            "from it at Kraken, or write allow_withdraw_key = true for this account"
        )
        refusals.append(("KEY_CAN_WITHDRAW", words))
    missing = tuple(name for name in needs.permissions if name not in key.permissions)
    if missing:
        words = f"the API key lacks {', '.join(missing)}; give it that at Kraken"
        refusals.append(("KEY_LACKS_PERMISSION", words))
    if key.nonce_window:
        warnings.append(
            f"the API key has a nonce window of {key.nonce_window}: requests that come late are accepted, "
            "also ones that somebody "
            "repeats; set it to 0 at Kraken, this account sends strictly in order"
        )
    if needs.looked_up_for and LEDGER not in key.permissions:
        warnings.append(
            f"the API key lacks {LEDGER}: after a conversion, or a trade that was not reported, "
            f"{needs.looked_up_for} will not be judged until the next window or a reset; give it that at "
            "Kraken, it lets nobody trade"
        )
    return KeyVerdict(missing=missing, refusals=tuple(refusals), warnings=tuple(warnings))


def _judge_expiry(
    key: ApiKeyInfo, at_exchange: float, refusals: list[tuple[str, str]], warnings: list[str]
) -> None:
    if not key.valid_until:
        return
    until = f"{datetime.fromtimestamp(key.valid_until, UTC):%Y-%m-%d %H:%M:%S} UTC"
    if key.valid_until <= at_exchange:
        refusals.append(
            ("KEY_EXPIRED", f"the API key expired at {until}; prolong it at Kraken, or make a new one")
        )
    elif key.valid_until - at_exchange < EXPIRY_WARNING_S:
        warnings.append(f"the API key expires at {until}; prolong it at Kraken, or make a new one in time")


def fee_pairs(table: PairTable, traded: Iterable[str], held: Iterable[str]) -> tuple[str, ...]:
    """Pairs whose fees matter, by our names: those that were traded, then those of assets that are held
    (as USD or USD.F).
    """
    names = (*traded, *(f"{asset.partition('.')[0]}/{USUAL_QUOTE}" for asset in held))
    known = dict.fromkeys(pair.name for name in names if (pair := table.find(name)) is not None)
    return tuple(known)[:FEE_PAIRS_MAX] or (USUAL_PAIR,)


# -- shell -------------------------------------------------------------------------------------------------


class KeyCheck:
    """One account's: asked at a start, and kept fresh."""

    def __init__(
        self,
        exchange: KrakenExchange,
        needs: Needs,
        changed: Callable[[], None],
        *,
        handed_out: Callable[[], int],
        now: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: ExchangeClock | None = None,
    ) -> None:
        """``changed`` is called when there is news for ``to_proto``; ``handed_out`` is the last nonce that
        was; ``now`` is in Unix seconds; ``clock``: what the exchange's shows.
        """
        self._exchange = exchange
        self._needs = needs
        self._changed = changed
        self._handed_out = handed_out
        self._now = now
        self._pause = pause
        self._key: ApiKeyInfo | None = None
        self._clock = ExchangeClock(now, now) if clock is None else clock
        self._verdict = KeyVerdict()
        self._checked_at = 0.0
        self._fees: tuple[PairFee, ...] = ()
        #: Pairs that the exchange has answered for, whatever it said.
        self._asked: frozenset[str] = frozenset()
        self._fee_trouble = ""
        self._is_trading = False

    @property
    def identity(self) -> AccountIdentity | None:
        """Which account at the exchange the key opens; None where that is not given."""
        return None if self._key is None else AccountIdentity.of(self._key.account_number)

    def taker(self, pair: str) -> Decimal | None:
        """What an order that takes costs in a pair, as a share; None where the exchange has not told it."""
        return next((fee.taker / 100 for fee in self._fees if fee.pair == pair), None)

    async def check(self) -> None:
        """Learn what the key may do and what time it is.

        Raises KeyUnfit, KeyUsedElsewhere, and ExchangeError while one of the two is not known.
        """
        clock = await self._clock.ask(self._exchange.market.server_time)
        key = await self._ask_key()
        key = await self._look_for_others(key)
        before = self._verdict
        self._key, self._checked_at = key, self._now()
        self._verdict = self._judged(clock)
        for warning in self._verdict.warnings:
            # The clock itself says that it is wrong, at once.
            if warning not in before.warnings and warning != clock_words(clock):
                log.warning("%s", warning)
        self._changed()
        if self._verdict.refusals:
            reason, _ = self._verdict.refusals[0]
            raise KeyUnfit(reason, "; ".join(message for _, message in self._verdict.refusals))

    def _judged(self, clock: Clock) -> KeyVerdict:
        """As it is now, by what the exchange's clock shows."""
        return judge(self._key, clock, self._needs, self._clock.now() - clock.offset)

    async def _look_for_others(self, key: ApiKeyInfo | None) -> ApiKeyInfo | None:
        """A key with a nonce window takes the nonces of two programs, so that neither is refused: the
        exchange's own is then ahead of ours. Standing still it is the past's; if it grows, the other one is
        alive. Raises KeyUsedElsewhere and ExchangeError.
        """
        first = _ahead(key, self._handed_out())
        if first is None:
            return key
        await self._pause(NONCE_LOOK_S)
        key = await self._ask_key()
        second = _ahead(key, self._handed_out())
        if second is not None and second > first:
            raise KeyUsedElsewhere(
                f"the exchange's nonce of this key grows ahead of ours ({first}, {NONCE_LOOK_S:g} s later "
                f"{second}): another program uses "
                "the key now, and its nonce window lets both in; stop it, or make a new API key for this "
                "account alone"
            )
        log.warning(
            "the exchange has accepted nonce %d, which was not handed out here, and no other since", first
        )
        return key

    @property
    def is_known(self) -> bool:
        """Whether the exchange tells what the key may do."""
        return self._key is not None

    async def may_any(self, permissions: Iterable[str]) -> bool:
        """Whether the key has one of these permissions, so that nothing is sent in vain. Where it had none
        when it was looked at last, the exchange is asked again; True where it does not tell.
        """
        wanted = frozenset(permissions)
        if self._key is None or wanted & self._key.permissions:
            return True
        try:
            self._key = await self._exchange.account.api_key_info()
        except ExchangeError as error:
            log.info("the exchange does not tell what the key may do: %s", error)
            return True
        self._changed()
        return bool(wanted & self._key.permissions)

    async def keep_current(self, pairs: Callable[[], Sequence[str]]) -> None:
        """Learn the fees, and keep all of it fresh for ever.

        A key that has become unfit ends nothing that runs: leaving a trade is never blocked. Nor is it by
        fees: they may wait for the rate or be refused, and nothing depends on them.
        """
        self._is_trading = True
        recheck_at = self._now() + RECHECK_S
        while True:
            wanted = pairs()
            if not self._asked.issuperset(wanted):
                await self._learn_fees(wanted)
            # Spread, so that many accounts on one machine do not ask at once.
            await self._pause(spread_s(LOOK_S))
            if self._now() >= recheck_at:
                # Failed or not: a key that is locked out must not be tried often.
                recheck_at = self._now() + RECHECK_S
                self._asked = frozenset()
                try:
                    await self.check()
                except (KeyUnfit, ExchangeError) as error:
                    log.warning("the key was looked at again: %s: %s", error.reason, error)

    async def _learn_fees(self, pairs: Sequence[str]) -> None:
        """Ask for the account's fees in these pairs, once. Without an answer they stay unknown."""
        trouble = ""
        try:
            self._fees = await self._exchange.account.trade_fees(pairs)
            self._asked = frozenset(pairs)
        except ExchangeError as error:
            trouble = f"the account's fees are not known: {error}"
            if isinstance(error, ExchangeRefused) and not isinstance(error, RateLimited):
                self._asked = frozenset(pairs)  # a definite answer, which will not change soon
        if trouble and trouble != self._fee_trouble:
            log.warning("%s", trouble)
        self._fee_trouble = trouble
        self._changed()

    async def _ask_key(self) -> ApiKeyInfo | None:
        """None where the exchange does not tell. Raises ExchangeError where the key is no good, or asking
        again may help.
        """
        try:
            return await self._exchange.account.api_key_info()
        except (InvalidNonce, RateLimited):
            raise
        except KeyRefused as error:
            if not all(text.startswith(_NOT_TOLD) for text in error.errors):
                raise
            log.info("the exchange does not tell what the key may do: %s", error)
        except (ExchangeRefused, UnexpectedForm) as error:
            log.info("the exchange does not tell what the key may do: %s", error)
        return None

    def to_proto(self, table: PairTable | None) -> pb.Preflight | None:
        """All that is known; None before the first answer. ``table``: the pairs' rules as they were read
        last.
        """
        if not self._checked_at:
            return None
        key = self._key
        # The clock moves, and keys expire, between two questions.
        clock = self._clock.reading() or Clock(0.0, inf)
        verdict = self._judged(clock)
        report = pb.Preflight(
            checked_at=timestamp(self._checked_at), key_known=key is not None,
            missing_permissions=verdict.missing, clock_offset_ms=round(clock.offset * 1000),
            pairs=[_terms(fee, table.find(fee.pair) if table else None) for fee in self._fees],
            warnings=(*verdict.warnings, *filter(None, [self._fee_trouble])),
        )  # fmt: skip
        # Before that they are the reason why nothing is traded.
        report.warnings.extend(message for _, message in verdict.refusals if self._is_trading)
        if key is not None:
            report.permissions.extend(sorted(key.permissions))
            report.nonce_window = key.nonce_window
            report.account_number = "" if self.identity is None else masked(str(self.identity))
            report.allowed_addresses.extend(key.allowed_addresses)
            if key.valid_until:
                report.valid_until.CopyFrom(timestamp(key.valid_until))
        return report


def _ahead(key: ApiKeyInfo | None, handed_out: int) -> int | None:
    """The exchange's nonce, if it is larger than all that were handed out here."""
    return key.nonce if key is not None and key.nonce is not None and key.nonce > handed_out else None


def _terms(fee: PairFee, rules: PairRules | None) -> pb.PairTerms:
    terms = pb.PairTerms(pair=fee.pair, maker_percent=plain(fee.maker), taker_percent=plain(fee.taker))
    if rules is not None:
        terms.ordermin, terms.costmin = plain(rules.ordermin), plain(rules.costmin)
        terms.tick_size, terms.lot_decimals = plain(rules.tick_size), rules.lot_decimals
        terms.status = rules.status
    return terms
