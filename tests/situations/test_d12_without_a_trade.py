"""Coins and money that come to the master or leave it without a trade."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.support.system import Paper, System, wait_for

D = Decimal


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        yield paper


def balance(paper: Paper, account: str, asset: str) -> Decimal:
    return D(paper.call("GET", f"/accounts/{account}")["balances"].get(asset, "0"))


def message(system: System, code: str) -> str:
    """What the first event of a code says, once it is there."""

    def told() -> str | None:
        with system.api() as api:
            return next((event.message for event in api.list_events() if event.code == code), None)

    return wait_for(f"an event {code}", told)


def test_a_deposit_right_before_an_order_is_in_what_users_are_sized_by(paper: Paper) -> None:
    """A master with 1000 $ gets 9000 $ and buys for 500 $ at once: a user with 1000 $ buys for 50 $, a
    tenth, and not for half of it.
    """
    with System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()
        paper.call("POST", "/accounts/master/deposit", asset="ZUSD", amount="9000")
        system.buy("BTC/USD", "0.01")
        system.settled(1)
        with system.api() as api:
            (fill,) = api.list_fills()
        assert fill.master_equity == "10000"
        assert balance(paper, "anna", "XXBT") == D("0.001")
        assert "9000 USD came to the master without a trade (deposit)" in message(system, "COINS_CAME")


def test_a_buy_for_more_than_was_counted_is_sized_by_balances_that_are_read_again(paper: Paper) -> None:
    """The exchange does not report a deposit; the master's buy costs more than was counted: balances are
    read before users are sized.
    """
    with System(paper, {"anna": "1000"}) as system:
        paper.call("POST", "/house", balances_told=False)
        system.start().wait_ready()
        paper.call("POST", "/accounts/master/deposit", asset="ZUSD", amount="9000")
        system.buy("BTC/USD", "0.04")
        system.settled(1)
        with system.api() as api:
            (fill,) = api.list_fills()
        assert fill.master_equity == "10000"
        # 2000 of 10000: a fifth of the user's money, which the cap of a tenth cuts.
        (copy,) = system.copies("anna")
        assert (copy.reason, balance(paper, "anna", "XXBT") > D("0.0019")) == ("CAPPED", True)


def test_a_withdrawal_of_the_master_is_told_at_once_with_what_users_still_hold(paper: Paper) -> None:
    """The master withdraws the coins that it bought: nobody sells, and an event says at once what users
    still hold.
    """
    with System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.002")
        system.settled(1)
        paper.call("POST", "/accounts/master/deposit", asset="XXBT", amount="-0.0015")
        words = message(system, "COINS_LEFT")
        assert "0.0015 BTC left the master without a trade (withdrawal)" in words
        assert "by copying users still hold: anna 0.00199" in words
        # What the master sells afterwards is a fraction of all that it bought.
        system.sell("BTC/USD", "0.0005")
        system.settled(2)
        assert system.copies("anna")[-1].reason == "EXIT_FRACTION"
        assert D("0.0014") < balance(paper, "anna", "XXBT") < D("0.0016")


def test_coins_that_left_while_nothing_ran_are_told_with_what_users_that_do_not_run_hold(
    paper: Paper,
) -> None:
    """The master withdraws while nothing runs, and one user was stopped by an operator: the event at the
    next start names what both hold.
    """
    with System(paper, {"anna": "1000", "ben": "500"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        with system.api() as api:
            api.stop_account("ben")
        system.stop()
        paper.call("POST", "/accounts/master/deposit", asset="XXBT", amount="-0.0005")
        system.start()
        wait_for("the supervisor", system.status)
        assert "by copying users still hold: anna 0.001, ben 0.0005" in message(system, "COINS_LEFT")
        with system.api() as api:
            api.start_account("ben")
        system.wait_ready()
        system.sell("BTC/USD", "0.0005")
        system.settled(2)
        assert (balance(paper, "anna", "XXBT"), balance(paper, "ben", "XXBT")) == (
            D("0.0005"),
            D("0.00025"),
        )


def test_a_deposit_while_balances_are_on_their_way(paper: Paper) -> None:
    """The master's feed is back, and a deposit comes after the balances that are read then were sent: it
    is found within seconds all the same.
    """
    with System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()

        def asked() -> int:
            rows = paper.rows("requests")
            return sum((row["account"], row["method"]) == ("master", "BalanceEx") for row in rows)

        before = asked()
        paper.call(
            "POST",
            "/faults",
            kind="hang_reply",
            account="master",
            method="BalanceEx",
            delay_ms=2_000,
            count=1,
        )
        paper.call("POST", "/faults", kind="ws_cut", account="master")
        wait_for("balances to be asked for", lambda: asked() > before)
        paper.call("POST", "/accounts/master/deposit", asset="ZUSD", amount="9000")
        assert "9000 USD came to the master without a trade" in message(system, "COINS_CAME")
        system.buy("BTC/USD", "0.01")
        system.settled(1)
        with system.api() as api:
            (fill,) = api.list_fills()
        assert fill.master_equity == "10000"


def test_money_from_the_futures_wallet_right_before_an_order(paper: Paper) -> None:
    """A master with 1000 $ takes 9000 $ out of its futures wallet, or puts them in, and buys at once:
    users are sized by what is there then.
    """
    with System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()
        moved = {"asset": "ZUSD", "futures": True}
        paper.call("POST", "/accounts/master/deposit", **moved, amount="9000")
        system.buy("BTC/USD", "0.01")
        system.settled(1)
        paper.call("POST", "/accounts/master/deposit", **moved, amount="-9000")
        system.buy("BTC/USD", "0.001")
        system.settled(2)
        with system.api() as api:
            before, after = sorted(api.list_fills(), key=lambda fill: fill.seq)
        assert (before.master_equity, after.master_equity) == ("10000", "996")
        assert "9000 USD came to the master without a trade (spotfromfutures)" in message(
            system, "COINS_CAME"
        )
        assert "9000 USD left the master without a trade (spottofutures)" in message(system, "COINS_LEFT")


def test_a_reserve_is_no_part_of_what_is_scaled(paper: Paper) -> None:
    """A master with an old stock of 1 BTC and a user with one of 0.2 BTC, both reserved: the ratio is that
    of the money that is left.
    """
    keys = {
        "master": paper.open_account("master", {"ZUSD": "10000", "XXBT": "1"}),
        "anna": paper.open_account("anna", {"ZUSD": "1000", "XXBT": "0.2"}),
    }
    lines = {"master": 'reserve = { BTC = "1.0" }', "anna": "reserve = { BTC = 0.2 }"}
    with System(paper, {"anna": "0"}, keys=keys, user_lines=lines) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.01")
        system.settled(1)
        with system.api() as api:
            (fill,) = api.list_fills()
        assert fill.master_equity == "10000"
        assert balance(paper, "anna", "XXBT") == D("0.201")
        system.sell("BTC/USD", "0.01")
        system.settled(2)
        assert balance(paper, "anna", "XXBT") == D("0.2")


def test_a_convert_of_the_master_is_no_exit_and_is_told(paper: Paper) -> None:
    """The master turns its coins into dollars by Kraken's convert, which is no trade: nobody sells, and an
    event says what users hold.
    """
    with System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.002")
        system.settled(1)
        paper.call(
            "POST",
            "/accounts/master/convert",
            spend={"asset": "XBT", "amount": "0.001"},
            receive={"asset": "USD", "amount": "49"},
        )
        words = message(system, "COINS_LEFT")
        assert "0.001 BTC left the master without a trade (conversion)" in words
        assert "by copying users still hold: anna 0.00199" in words
        assert "49 USD came to the master without a trade (conversion)" in message(system, "COINS_CAME")
        assert balance(paper, "anna", "XXBT") > D("0.0019")


def test_coins_that_the_master_stakes_are_still_its_position(paper: Paper) -> None:
    """The master stakes half of what it bought and sells the other half: an event reports the staking,
    and users sell a half.
    """
    with System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.002")
        system.settled(1)
        copied = balance(paper, "anna", "XXBT")
        paper.call("POST", "/accounts/master/move", asset="XBT", form=".S", amount="0.001")
        words = message(system, "COINS_LOCKED")
        assert "0.001 BTC of the master were locked" in words
        assert "by copying users still hold: anna 0.00199" in words
        system.sell("BTC/USD", "0.001")
        system.settled(2)
        assert system.copies("anna")[-1].reason == "EXIT_FRACTION"
        assert abs(balance(paper, "anna", "XXBT") - copied / 2) <= D("1e-8")


def test_a_coin_that_came_right_before_an_order_is_in_what_users_are_sized_by(paper: Paper) -> None:
    """A master with 10,000 $ gets ETH worth 10,000 $, which it never held, and buys at once: the ETH counts,
    and users buy half of what they would without it.
    """
    paper.price("ETHUSD", "2500")
    with System(paper, {"anna": "1000"}, master_balance="10000") as system:
        system.start().wait_ready()
        paper.call("POST", "/accounts/master/deposit", asset="XETH", amount="4")
        system.buy("BTC/USD", "0.01")
        system.settled(1)
        with system.api() as api:
            (fill,) = api.list_fills()
        assert fill.master_equity == "20000"
        assert balance(paper, "anna", "XXBT") == D("0.0005")


@pytest.mark.parametrize("name", ["XBT", "XXBT"])
def test_a_reserve_is_taken_under_any_name_that_kraken_has_for_a_coin(paper: Paper, name: str) -> None:
    """The reserves name BTC as Kraken's other tables do: they count all the same."""
    keys = {
        "master": paper.open_account("master", {"ZUSD": "10000", "XXBT": "1"}),
        "anna": paper.open_account("anna", {"ZUSD": "1000", "XXBT": "0.2"}),
    }
    lines = {"master": f'reserve = {{ {name} = "1.0" }}', "anna": f"reserve = {{ {name} = 0.2 }}"}
    with System(paper, {"anna": "0"}, keys=keys, user_lines=lines) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.01")
        system.settled(1)
        with system.api() as api:
            (fill,) = api.list_fills()
        assert fill.master_equity == "10000"
        assert balance(paper, "anna", "XXBT") == D("0.201")


def test_a_reserve_of_what_the_exchange_does_not_have_fails_its_account(paper: Paper) -> None:
    """A user's reserve names "bitcoin", which is no asset's name: it is FAILED with what to write, instead of
    trading with what was reserved.
    """
    with System(paper, {"anna": "1000"}, user_lines={"anna": 'reserve = { bitcoin = "1" }'}) as system:
        system.start()

        def failed() -> str:
            found = system.accounts().get("anna")
            return found.message if found is not None and found.reason == "CONFIGURATION" else ""

        words = wait_for("anna to fail", failed)
        assert "the exchange has no bitcoin; write the asset as Kraken shows it, e.g. BTC" in words
