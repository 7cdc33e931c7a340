"""Each request is sent once, signed, in order of its nonce; what the caller is told about its fate is
never more than is known.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import formatdate
from typing import Any

import pytest

from krakencopy.account_proc.contract.errors import (
    ConfigurationFault,
    ExchangeError,
    ExchangeRefused,
    InvalidNonce,
    KeyRefused,
    KeyUsedElsewhere,
    NonceFault,
    OutcomeUnknown,
)
from krakencopy.account_proc.contract.spec import Credentials, Tier
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.errors import ORDER_METHODS, LockedOut
from krakencopy.account_proc.kraken.order_gate import (
    READ_METHODS,
    OrderGate,
    ShadowSendsNothing,
    TradingHalted,
)
from krakencopy.account_proc.kraken.rest.client import TIMEOUT_S, KrakenRest
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits, DecayingCounter
from krakencopy.account_proc.kraken.rest.signing import sign
from tests.support.odd_exchange import (
    RESET,
    SECRET,
    OddExchange,
    answer,
    odd_exchange,
    roomy_limits,
)

KEY = Credentials("the-public-key", SECRET)


class Counter:
    """Nonces in memory."""

    def __init__(self) -> None:
        self.last = 0
        self.resynchronisations = 0

    def next(self) -> int:
        self.last += 1
        return self.last

    def top_up(self) -> None:
        pass

    def resynchronise(self) -> bool:
        self.resynchronisations += 1
        self.last += 1000
        return self.resynchronisations == 1


def client(exchange: OddExchange, limits: AccountLimits | None = None) -> KrakenRest:
    return KrakenRest(exchange.url, KEY, Counter(), roomy_limits() if limits is None else limits)


def error_of(call: Callable[[], Any]) -> Exception:
    with pytest.raises(ExchangeError) as caught:
        call()
    return caught.value


def test_a_private_call_is_signed_over_the_bytes_that_are_sent() -> None:
    with odd_exchange(answer({"txid": ["OA"], "n": 1.10})) as exchange:
        rest = client(exchange)
        result = rest.private("AddOrder", {"pair": "XBTUSD", "price": "+5", "close[price]": "1"})
        rest.close()
    asked = exchange.asked[0]
    assert result == {"txid": ["OA"], "n": Decimal("1.1")}
    assert asked.body == b"nonce=1&pair=XBTUSD&price=%2B5&close%5Bprice%5D=1"
    assert asked.target == "/0/private/AddOrder"
    assert asked.headers["api-key"] == "the-public-key"
    assert asked.headers["api-sign"] == sign("/0/private/AddOrder", 1, asked.body, SECRET)
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert asked.headers["user-agent"].startswith("krakencopy/")


def test_a_public_call_carries_no_key() -> None:
    with odd_exchange(answer({"unixtime": 1})) as exchange:
        rest = client(exchange)
        assert rest.public("Ticker", {"pair": "XBTUSD,ETHUSD"}) == {"unixtime": 1}
        rest.close()
    assert exchange.asked[0].target == "/0/public/Ticker?pair=XBTUSD%2CETHUSD"
    assert not {"api-key", "api-sign"} & exchange.asked[0].headers.keys()


def test_one_connection_is_used_for_everything() -> None:
    with odd_exchange() as exchange:
        rest = client(exchange)
        for _ in range(5):
            rest.private("Balance")
            rest.public("Time")
        rest.close()
    assert {asked.connection for asked in exchange.asked} == {0}
    assert len(exchange.asked) == 10


def test_nonces_arrive_in_order_from_many_threads() -> None:
    with odd_exchange() as exchange:
        rest = client(exchange)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: rest.private("Balance"), range(100)))
        rest.close()
    assert [int(asked.params["nonce"]) for asked in exchange.asked] == list(range(1, 101))


@pytest.mark.parametrize(
    "odd",
    [
        answer(body=b"<html>Bad gateway</html>", status="502 Bad Gateway"),
        answer(body=b"<html>Web server is down</html>", status="520 Unknown"),
        answer(body=b"<html>Just a moment...</html>"),
        answer(body=b'{"error":[],"result":{"txid":["OAB'),
        answer({"txid": ["OABC"]})[:-9] + RESET,
        answer({"txid": ["OABC"]})[:20] + RESET,
        b"HTTP/1.1 302 Found\r\nLocation: /0/private/AddOrder\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"SSH-2.0-OpenSSH\r\n" + RESET,
        RESET,
        answer(None, "EService:Unavailable"),
        answer(None, "EGeneral:Internal error"),
    ],
)
def test_a_request_that_may_have_arrived_is_unknown_and_never_sent_again(odd: bytes) -> None:
    with odd_exchange(odd) as exchange:
        rest = client(exchange)
        error = error_of(lambda: rest.private("AddOrder", {"volume": "1"}))
        assert type(error) is OutcomeUnknown
        rest.private("Balance")
        rest.close()
    assert [asked.target for asked in exchange.asked] == ["/0/private/AddOrder", "/0/private/Balance"]


def test_reads_are_not_repeated_here_either() -> None:
    with odd_exchange(RESET) as exchange:
        rest = client(exchange)
        assert type(error_of(lambda: rest.public("Time"))) is OutcomeUnknown
        rest.close()
    assert len(exchange.asked) == 1


def test_a_kept_connection_that_breaks_after_the_request_leaves_the_outcome_unknown() -> None:
    with odd_exchange(answer({}), RESET) as exchange:
        rest = client(exchange)
        rest.private("Balance")
        error = error_of(lambda: rest.private("AddOrder"))
        rest.close()
    assert type(error) is OutcomeUnknown
    assert [asked.connection for asked in exchange.asked] == [0, 0]


def test_krakens_refusals_are_told_as_such() -> None:
    with odd_exchange(answer(None, "EOrder:Insufficient funds")) as exchange:
        rest = client(exchange)
        refused = error_of(lambda: rest.private("AddOrder"))
        rest.close()
    assert type(refused) is ExchangeRefused
    assert refused.errors == ("EOrder:Insufficient funds",)


def test_a_read_before_any_nonce_is_asked_again_as_it_is_then_further_ahead_and_then_never() -> None:
    invalid = answer(None, "EAPI:Invalid nonce")
    with odd_exchange(invalid, invalid, invalid) as exchange:
        rest = client(exchange)
        with pytest.raises(NonceFault, match="make a new API key") as raised:
            rest.private("Balance")
        assert not isinstance(raised.value, KeyUsedElsewhere)
        rest.close()
    assert [asked.params["nonce"] for asked in exchange.asked] == ["1", "2", "1003"]


def test_a_key_that_took_our_nonces_and_refuses_larger_ones_is_used_by_somebody_else_and_nonces_stay() -> (
    None
):
    invalid = answer(None, "EAPI:Invalid nonce")
    good = answer({"ZUSD": "1"})
    refused = answer(None, "EGeneral:Permission denied")
    with odd_exchange(
        invalid, invalid, good, invalid, invalid, refused, invalid, invalid, invalid
    ) as exchange:
        rest = client(exchange)
        # The first time nonces go on ahead, and are taken; twice in a row is what a proxy can do, thrice it
        # is not.
        assert rest.private("Balance") == {"ZUSD": "1"}
        assert type(error_of(lambda: rest.private("Balance"))) is KeyRefused
        with pytest.raises(KeyUsedElsewhere, match="on another machine; stop it"):
            rest.private("Balance")
        rest.close()
    nonces = [int(asked.params["nonce"]) for asked in exchange.asked]
    assert nonces == [1, 2, *range(1003, 1010)]


def test_an_order_with_an_invalid_nonce_is_not_sent_again_here_and_moves_no_nonce() -> None:
    with odd_exchange(answer(None, "EAPI:Invalid nonce")) as exchange:
        rest = client(exchange)
        assert type(error_of(lambda: rest.private("AddOrder"))) is InvalidNonce
        rest.private("Balance")
        rest.close()
    assert [asked.params["nonce"] for asked in exchange.asked] == ["1", "2"]


def test_without_a_nonce_nothing_is_sent() -> None:
    class Broken(Counter):
        def next(self) -> int:
            raise NonceFault("no disk")

        def top_up(self) -> None:
            raise NonceFault("no disk")

    with odd_exchange() as exchange:
        rest = KrakenRest(exchange.url, KEY, Broken())
        with pytest.raises(NonceFault):
            rest.private("AddOrder")
        rest.top_up_nonces()
        rest.close()
    assert exchange.asked == []


@pytest.mark.parametrize("url", ["", "api.kraken.com", "ftp://api.kraken.com", "https://"])
def test_an_address_that_is_none_is_a_bad_configuration(url: str) -> None:
    with pytest.raises(ConfigurationFault):
        KrakenRest(url, KEY, Counter())


def test_logs_and_errors_hold_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with odd_exchange(answer({}), RESET) as exchange:
        rest = client(exchange)
        rest.private("Balance")
        error = error_of(lambda: rest.private("AddOrder"))
        rest.close()
    shown = caplog.text + str(error) + repr(error) + str(KEY) + repr(KEY)
    signatures = [asked.headers["api-sign"] for asked in exchange.asked]
    assert "Balance" in caplog.text
    assert not [secret for secret in (SECRET, KEY.key, *signatures) if secret in shown]


def test_every_signed_call_is_charged_before_it_leaves_also_one_that_is_repeated_or_lost() -> None:
    levels: list[float] = []

    class Watched(Counter):
        def next(self) -> int:
            levels.append(round(limits.rest.level(time.monotonic())))
            return super().next()

    limits = AccountLimits(Tier.STARTER)
    limits.rest = DecayingCounter(15.0, 1e-4)  # nothing comes back while the test runs
    with odd_exchange(answer(None, "EAPI:Invalid nonce"), answer({}), RESET) as exchange:
        rest = KrakenRest(exchange.url, KEY, Watched(), limits)
        rest.private("Balance")
        assert type(error_of(lambda: rest.private("ClosedOrders"))) is OutcomeUnknown
        rest.private("AddOrder")
        rest.public("Time")
        rest.close()
    assert levels == [0, 1, 2, 6]
    assert round(limits.rest.level(time.monotonic())) == 6


def test_a_key_that_is_refused_three_times_in_a_row_is_not_tried_a_fourth_time() -> None:
    refused = answer(None, "EAPI:Invalid key")
    with odd_exchange(refused, refused, answer({}), refused, refused, refused) as exchange:
        rest = client(exchange)
        for expected in (
            KeyRefused,
            KeyRefused,
            None,
            KeyRefused,
            KeyRefused,
            KeyRefused,
            LockedOut,
            LockedOut,
        ):
            if expected is None:
                rest.private("Balance")
            else:
                assert type(error_of(lambda: rest.private("Balance"))) is expected
        rest.close()
    assert len(exchange.asked) == 6


def dated(reply: bytes, at: float) -> bytes:
    """An answer with a Date."""
    head, _, body = reply.partition(b"\r\n")
    return head + b"\r\nDate: " + formatdate(at, usegmt=True).encode() + b"\r\n" + body


@pytest.mark.parametrize(
    ("method", "status", "is_heard"),
    [
        ("Balance", "200 OK", True),
        ("Time", "200 OK", True),
        ("Ticker", "200 OK", False),
        ("Balance", "429 No", False),
    ],
)
def test_the_time_is_heard_from_answers_that_come_from_the_exchange_itself(
    method: str, status: str, is_heard: bool
) -> None:
    with odd_exchange(dated(answer({}, status=status), time.time() + 90)) as exchange:
        rest = KrakenRest(exchange.url, KEY, Counter(), roomy_limits())
        call = rest.private if method == "Balance" else rest.public
        with suppress(OutcomeUnknown):
            call(method)
        rest.close()
        reading = rest.clock.reading()
        assert (reading is not None) == is_heard
        assert reading is None or reading.offset == pytest.approx(90, abs=1.5)


@pytest.mark.parametrize("error", ["EGeneral:Invalid arguments:deadline", "EService:Deadline elapsed"])
def test_an_order_that_is_refused_for_its_time_corrects_the_clock_by_that_very_answer(error: str) -> None:
    right = [dated(answer({}), time.time()) for _ in range(2)]
    with odd_exchange(*right, dated(answer(None, error), time.time() + 4)) as exchange:
        rest = KrakenRest(exchange.url, KEY, Counter(), roomy_limits())
        for _ in right:
            rest.private("Balance")
        assert abs(rest.clock.now() - time.time()) < 0.01
        with pytest.raises(ExchangeError):
            rest.private("AddOrder")
        rest.close()
        assert rest.clock.now() - time.time() == pytest.approx(4, abs=1.5)


def halted(side: Side) -> TradingHalted | None:
    return TradingHalted("AddOrder", f"no {side} order leaves")


@pytest.mark.parametrize("side", ["buy", "sell", ""])
def test_an_order_that_may_not_leave_takes_no_nonce_and_is_not_sent(side: str) -> None:
    with odd_exchange(answer({"count": 1})) as exchange:
        rest = KrakenRest(exchange.url, KEY, Counter(), roomy_limits(), gate=OrderGate(halted))
        with pytest.raises(TradingHalted, match=f"no {side or 'buy'} order leaves"):
            rest.private("AddOrder", {"type": side} if side else {})
        with pytest.raises(TradingHalted), rest.turn("AddOrder", {"type": "sell"}, TIMEOUT_S):
            raise AssertionError("it was let out")
        # What ends an order always leaves, and a check makes none.
        assert rest.private("CancelOrder", {"txid": "O1"}) == {"count": 1}
        rest.private("AddOrder", {"type": "buy", "validate": "true"})
        rest.close()
    assert [asked.params["nonce"] for asked in exchange.asked] == ["1", "2"]


@pytest.mark.parametrize(
    "method", [*sorted(ORDER_METHODS), "Withdraw", "WalletTransfer", "Stake", "SomethingNew"]
)
def test_of_a_shadow_nothing_leaves_but_reads(method: str) -> None:
    with odd_exchange(answer({})) as exchange:
        gate = OrderGate(is_shadow=True)
        rest = KrakenRest(exchange.url, KEY, Counter(), roomy_limits(), gate=gate)
        for params in ({"type": "buy"}, {"type": "sell", "validate": "true"}, {}):
            with pytest.raises(ShadowSendsNothing, match="sends nothing"):
                rest.private(method, params)
            with pytest.raises(ShadowSendsNothing), rest.turn(method, params, TIMEOUT_S, overtakes=True):
                raise AssertionError("it was let out")
        for read in sorted(READ_METHODS):
            rest.private(read)
        rest.close()
    assert len(exchange.asked) == len(READ_METHODS)
    assert READ_METHODS.isdisjoint(ORDER_METHODS)


def test_an_order_may_arrive_until_it_is_answered_or_its_deadline_is_over() -> None:
    now = time.time()
    text = datetime.fromtimestamp(now + 100, UTC).isoformat().replace("+00:00", "Z")
    gate = OrderGate()
    with odd_exchange(answer({"txid": ["O1"]}), RESET) as exchange:
        rest = KrakenRest(exchange.url, KEY, Counter(), roomy_limits(), gate=gate)
        with rest.turn("AddOrder", {"type": "sell"}, TIMEOUT_S):
            assert gate.may_arrive(gate.mark)
        assert not gate.may_arrive(gate.mark)
        rest.private("AddOrder", {"type": "sell", "deadline": text})
        assert not gate.may_arrive(gate.mark)
        with suppress(OutcomeUnknown):
            rest.private("AddOrder", {"type": "sell", "deadline": text})
        assert gate.may_arrive(gate.mark)
        rest.close()
