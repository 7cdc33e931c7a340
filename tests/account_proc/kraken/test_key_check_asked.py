"""The key check over answers by hand: what is asked, how often, and what a failed question is worth; whose
the key is, and who else uses it.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from krakencopy.account_proc.contract.account_identity import AccountIdentity
from krakencopy.account_proc.contract.errors import (
    ExchangeError,
    ExchangeRefused,
    InvalidNonce,
    KeyRefused,
    KeyUsedElsewhere,
    OutcomeUnknown,
    RateLimited,
)
from krakencopy.account_proc.contract.spec import Role
from krakencopy.account_proc.kraken.key_check import (
    LOOK_S,
    NONCE_LOOK_S,
    READS,
    RECHECK_S,
    TRADES,
    KeyCheck,
    KeyUnfit,
    Needs,
)
from tests.support.key_samples import NOW, USER
from tests.support.scripted_kraken import TABLE, Answer, ScriptedKraken, run

FIT: dict[str, Any] = {
    "apiKeyName": "k", "apiKey": "hidden", "nonce": "7", "nonceWindow": 0, "permissions": [*READS, *TRADES],
    "validUntil": "0", "ipAllowlist": ["192.0.2.7"],
}  # fmt: skip
VOLUME = {
    "currency": "ZUSD", "volume": "0", "fees": {"XXBTZUSD": {"fee": "0.8000"}},
    "fees_maker": {"XXBTZUSD": {"fee": "0.4000"}},
}  # fmt: skip
PERMISSION_DENIED = ("EGeneral:Permission denied",)


def kraken(*keys: Answer, volumes: tuple[Answer, ...] = (), **more: Answer) -> ScriptedKraken:
    always = {"Time": {"unixtime": int(NOW)}, "GetApiKeyInfo": FIT, "TradeVolume": VOLUME} | more
    return ScriptedKraken(always=always, next={"GetApiKeyInfo": list(keys), "TradeVolume": list(volumes)})


def preflight(exchange: ScriptedKraken, needs: Needs = USER) -> KeyCheck:
    return KeyCheck(exchange.exchange, needs, lambda: None, handed_out=lambda: 7, now=lambda: NOW + 0.5)


READING = FIT | {"permissions": [*READS]}


def test_what_a_key_lacked_is_asked_again_before_anybody_is_refused_for_it() -> None:
    # As of a master that a person trades: it needs no more at its start.
    needs = Needs.of(Role.MASTER, has_strategy=False, allow_withdraw=False)
    exchange = kraken(READING, READING, FIT)

    async def steps() -> None:
        check = preflight(exchange, needs)
        assert await check.may_any(TRADES)  # nobody knows yet
        await check.check()
        assert not await check.may_any(TRADES)
        assert await check.may_any(TRADES)
        assert await check.may_any(TRADES)
        assert exchange.times_asked("GetApiKeyInfo") == 3

    run(steps())


def test_a_key_that_cannot_be_asked_about_now_is_not_refused() -> None:
    needs = Needs.of(Role.MASTER, has_strategy=False, allow_withdraw=False)
    exchange = kraken(READING, OutcomeUnknown("GetApiKeyInfo", "timeout"))

    async def steps() -> None:
        check = preflight(exchange, needs)
        await check.check()
        assert await check.may_any(TRADES)

    run(steps())


def test_nothing_is_told_before_anything_is_known() -> None:
    assert preflight(kraken()).to_proto(TABLE) is None


def test_a_start_costs_one_call_for_the_key_and_one_for_the_fees() -> None:
    exchange = kraken()

    async def steps() -> None:
        kept = Kept(exchange, NOW)
        kept.pairs = ("BTC/USD", "ETH/USD")
        await kept.run()
        told = kept.flight.to_proto(TABLE)
        assert told is not None
        assert (told.key_known, list(told.permissions)) == (True, sorted([*READS, *TRADES]))
        assert list(told.allowed_addresses) == ["192.0.2.7"]
        assert not told.HasField("valid_until")
        assert [(fee.pair, fee.maker_percent, fee.taker_percent) for fee in told.pairs] == [
            ("BTC/USD", "0.4", "0.8")
        ]
        assert (told.clock_offset_ms, list(told.warnings)) == (
            500,
            [],
        )  # the middle of the second that was told
        assert "hidden" not in str(told)

    run(steps())
    assert [method for method, _ in exchange.asked] == ["GetApiKeyInfo", "TradeVolume"]
    assert exchange.asked[1][1] == {"pair": "ETHUSD,XBTUSD"}


@pytest.mark.parametrize(
    "answer",
    [
        ExchangeRefused("GetApiKeyInfo", ("EGeneral:Unknown method",)),
        KeyRefused("GetApiKeyInfo", PERMISSION_DENIED),
        {"permissions": "all of them"},
    ],
)
def test_an_exchange_that_does_not_tell_what_the_key_may_do_is_traded_with_and_warned_of(
    answer: Answer,
) -> None:
    async def steps() -> None:
        flight = preflight(kraken(answer))
        await flight.check()
        told = flight.to_proto(TABLE)
        assert told is not None
        assert not told.key_known
        assert "not checked" in told.warnings[0]

    run(steps())


@pytest.mark.parametrize(
    "error",
    [
        OutcomeUnknown("GetApiKeyInfo", "HTTP 502"),
        RateLimited("GetApiKeyInfo", ("EAPI:Rate limit exceeded",)),
        InvalidNonce("GetApiKeyInfo", ("EAPI:Invalid nonce",)),
        KeyRefused("GetApiKeyInfo", ("EAPI:Invalid key",)),
        KeyRefused("GetApiKeyInfo", ("EGeneral:Temporary lockout",)),
    ],
)
def test_a_failed_question_is_not_taken_for_an_answer_and_asked_again(error: ExchangeError) -> None:
    async def steps() -> None:
        flight = preflight(kraken(error))
        with pytest.raises(type(error)):
            await flight.check()
        assert flight.to_proto(TABLE) is None
        await flight.check()
        told = flight.to_proto(TABLE)
        assert told is not None
        assert told.key_known

    run(steps())


def test_the_clock_must_be_known_too() -> None:
    async def steps() -> None:
        with pytest.raises(OutcomeUnknown):
            await preflight(kraken(Time={"unixtime": "soon"})).check()

    run(steps())


def test_an_unfit_key_is_refused_with_what_to_do_and_mending_it_is_enough() -> None:
    poor = FIT | {"permissions": [*READS, "modify-trades", "withdraw-funds"]}

    async def steps() -> None:
        flight = preflight(kraken(poor, poor))
        for _ in range(2):
            with pytest.raises(KeyUnfit, match=r"may withdraw .*; the API key lacks close-trades") as raised:
                await flight.check()
            assert raised.value.reason == "KEY_CAN_WITHDRAW"
        told = flight.to_proto(TABLE)
        assert told is not None
        assert list(told.missing_permissions) == ["close-trades"]
        await flight.check()

    run(steps())


class Kept:
    """A preflight whose time passes at once while it waits, until a question is asked for the last time."""

    def __init__(self, exchange: ScriptedKraken, end: float) -> None:
        self.now, self.end = NOW, end
        self.exchange = exchange
        self.pairs: tuple[str, ...] = ("BTC/USD",)
        self.flight = KeyCheck(
            exchange.exchange,
            USER,
            lambda: None,
            handed_out=lambda: 7,
            now=lambda: self.now,
            pause=self.pause,
        )

    async def pause(self, seconds: float) -> None:
        assert seconds == NONCE_LOOK_S or LOOK_S / 2 < seconds < LOOK_S * 2
        self.now += seconds
        self.exchange.always["Time"] = {"unixtime": int(self.now)}
        if self.now > self.end:
            raise asyncio.CancelledError

    async def run(self) -> None:
        await self.flight.check()
        with pytest.raises(asyncio.CancelledError):
            await self.flight.keep_current(lambda: self.pairs)


def test_all_is_asked_again_after_a_while_and_nothing_in_between() -> None:
    exchange = kraken()
    run(Kept(exchange, NOW + 2.5 * RECHECK_S).run())
    assert exchange.times_asked("GetApiKeyInfo") == exchange.times_asked("TradeVolume") == 3


def test_fees_of_a_pair_that_comes_up_are_asked_for_and_lost_answers_again() -> None:
    lost = OutcomeUnknown("TradeVolume", "HTTP 502")
    exchange = kraken(volumes=(lost, lost, VOLUME))

    async def steps() -> None:
        kept = Kept(exchange, NOW + 10 * LOOK_S)
        kept.pairs = ("BTC/USD", "ETH/USD")
        await kept.run()
        told = kept.flight.to_proto(TABLE)
        assert told is not None
        assert ([fee.pair for fee in told.pairs], list(told.warnings)) == (["BTC/USD"], [])

    run(steps())
    assert exchange.times_asked("TradeVolume") == 3


def test_fees_that_the_exchange_refuses_to_tell_are_warned_of_and_not_asked_for_all_the_time() -> None:
    exchange = kraken(TradeVolume=ExchangeRefused("TradeVolume", ("EGeneral:Unknown method",)))

    async def steps() -> None:
        kept = Kept(exchange, NOW + 10 * LOOK_S)
        await kept.run()
        told = kept.flight.to_proto(TABLE)
        assert told is not None
        assert "fees are not known" in told.warnings[0]

    run(steps())
    assert exchange.times_asked("TradeVolume") == 1


def test_a_key_that_becomes_unfit_while_it_trades_is_warned_of_and_ends_nothing() -> None:
    exchange = kraken(FIT, FIT | {"permissions": [*READS, *TRADES, "withdraw-funds"]})

    async def steps() -> None:
        kept = Kept(exchange, NOW + 1.5 * RECHECK_S)
        await kept.run()
        told = kept.flight.to_proto(TABLE)
        assert told is not None
        assert "may withdraw" in told.warnings[0]

    run(steps())


def test_a_key_that_is_locked_out_is_not_tried_all_the_time() -> None:
    locked = KeyRefused("GetApiKeyInfo", ("EGeneral:Temporary lockout",))
    exchange = kraken(FIT, *[locked] * 100)
    run(Kept(exchange, NOW + 2.5 * RECHECK_S).run())
    assert exchange.times_asked("GetApiKeyInfo") == 3


def test_fees_are_percentages_as_told() -> None:
    exchange = kraken()

    async def steps() -> None:
        (fee,) = await exchange.exchange.account.trade_fees(("BTC/USD", "LUNA/USD"))
        assert (fee.pair, fee.maker, fee.taker) == ("BTC/USD", Decimal("0.4"), Decimal("0.8"))
        assert await exchange.exchange.account.trade_fees(("LUNA/USD",)) == ()

    run(steps())
    assert exchange.times_asked("TradeVolume") == 1


# -- whose the key is, and who else uses it ----------------------------------------------------------------


@pytest.mark.parametrize("key", ["iban", "IBAN", "i_ban"])
def test_the_accounts_number_is_known_by_its_end_and_a_hash(key: str) -> None:
    async def steps() -> None:
        flight = preflight(kraken(FIT | {key: "AA72 N84G WN2A WOZA"}))
        assert flight.identity is None
        await flight.check()
        assert flight.identity == AccountIdentity.of("aa72n84gwn2awoza")
        told = flight.to_proto(TABLE)
        assert told is not None
        assert told.account_number.startswith("…WOZA (")
        assert "N84G" not in str(told)

    run(steps())


def test_an_account_whose_number_is_not_told_has_no_identity() -> None:
    async def steps() -> None:
        for answer in (
            FIT,
            FIT | {"iban": None},
            FIT | {"iban": " "},
            KeyRefused("GetApiKeyInfo", PERMISSION_DENIED),
        ):
            flight = preflight(kraken(answer))
            await flight.check()
            assert flight.identity is None
            told = flight.to_proto(TABLE)
            assert told is not None
            assert told.account_number == ""

    run(steps())


async def looked_twice(*nonces: int) -> None:
    """Checks a key with a window, whose exchange tells these nonces one after another; 7 was handed out
    here.
    """
    exchange = kraken(*(FIT | {"nonce": str(nonce), "nonceWindow": 1000} for nonce in nonces))

    async def pause(_: float) -> None: ...

    flight = KeyCheck(
        exchange.exchange, USER, lambda: None, handed_out=lambda: 7, now=lambda: NOW + 0.5, pause=pause
    )
    await flight.check()
    assert exchange.times_asked("GetApiKeyInfo") == len(nonces)


def test_a_nonce_that_grows_ahead_of_ours_is_another_program_and_one_that_stands_still_is_the_past() -> None:
    with pytest.raises(KeyUsedElsewhere, match=r"grows ahead of ours \(9, 2 s later 12\).*stop it"):
        run(looked_twice(9, 12))
    run(looked_twice(9, 9))
    run(looked_twice(7))
    run(looked_twice(3))


def test_a_key_that_is_found_to_be_used_elsewhere_while_it_trades_ends_that() -> None:
    async def steps() -> None:
        exchange = kraken(FIT, FIT | {"nonce": "9"}, FIT | {"nonce": "10"})
        kept = Kept(exchange, NOW + 2 * RECHECK_S)
        await kept.flight.check()
        with pytest.raises(KeyUsedElsewhere):
            await kept.flight.keep_current(lambda: ("BTC/USD",))

    run(steps())
