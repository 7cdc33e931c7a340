"""A user joins with what is not worse than the master's, is brought to the rest by a resync, and leaves with
all that copying bought sold: with real processes, and restarts in between.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.v1 import types_pb2 as nouns
from tests.support.reloaded_system import BALANCE, Reloaded
from tests.support.system import Paper, wait_for

D = Decimal
GROUP = '[[groups]]\nid = "clients"\ncopy = { max_slippage_bps = 40 }\n'
LIMIT = 'name = "life", metric = "equity", window = "lifetime", max_loss = "90%", action = "halted"'
LIMITS = f"limits = [{{ {LIMIT} }}]"
WAITS = "once all is sold; nothing is sold now: it is WAITING (MASTER_NOT_READY: the master is STOPPED"


def syncs(system: Reloaded, user: str) -> dict[str, Any]:
    """What became of a user's syncs, by copy id."""
    found = sorted(system.copies(user), key=lambda copy: copy.copy_id)
    return {copy.copy_id: copy for copy in found if copy.source}


def all_of(system: Reloaded, user: str, number: int) -> dict[str, Any] | None:
    found = syncs(system, user)
    return found if len(found) == number else None


def held(system: Reloaded, user: str) -> dict[str, Decimal]:
    return {each.asset: D(each.volume) for each in system.accounts()[user].positions if D(each.volume)}


def test_a_user_joins_with_what_is_not_worse_is_resynced_and_leaves_with_all_sold() -> None:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        paper.price("ETHUSD", "2500")
        lines = {"anna": 'copy = { on_deposit = "resync" }'}
        with Reloaded(paper, {"anna": BALANCE}, user_lines=lines) as system:
            system.more_environment |= {
                "KRAKENCOPY_FAILPOINT": "anna:after_sync_taken",
                "KRAKENCOPY_FAILPOINT_MARKER": str(system.folder / "died"),
            }
            system.start().wait_ready()
            system.settles("buy", "0.001")
            system.buy("ETH/USD", "0.02")
            wait_for("anna to hold both", lambda: held(system, "anna").keys() == {"BTC", "ETH"})
            paper.price("XBTUSD", "51000")  # worse than what the master has paid
            paper.price("ETHUSD", "2400")
            system.add("ben", 'copy = { on_join = "sync_if_not_worse", on_leave = "close_all" }')
            assert "is brought to what the master holds (on_join = sync_if_not_worse)" in system.reload()[0]
            ends = wait_for("ben's sync", lambda: all_of(system, "ben", 2))
            assert [copy.reason for copy in ends.values()] == [Reason.SYNC_WORSE, Reason.SCALED]
            assert all("joined at" in copy.source for copy in ends.values())
            wait_for("ben to hold ETH", lambda: held(system, "ben").keys() == {"ETH"})
            assert abs(held(system, "ben")["ETH"] - D("0.002")) <= D("0.0001")
            _resyncs_once(system)
            _a_deposit_is_invested_once(system)
            _a_flatten_is_taken_back(system)
            paper.price("XBTUSD", "50500")
            _leaves_slowly_and_is_taken_back(system)
            _leaves(system)


def _resyncs_once(system: Reloaded) -> None:
    """The plan first, which does nothing; then once, also where it is asked for again."""
    plan = json.loads(system.types("-o json resync ben --dry-run"))
    btc, eth = plan["positions"]
    assert (btc["asset"], btc["reason"], eth["reason"]) == ("BTC", Reason.SCALED, Reason.SYNC_NOT_NEEDED)
    assert D(btc["buy_volume"]) > D("0.00009")
    assert "BTC/USD" in system.types("resync ben --dry-run")
    assert len(syncs(system, "ben")) == 2
    with system.api() as api:
        first = api.resync_account("ben", request_id="once", by="olga")
    assert first.positions
    with system.api() as api:
        again = api.resync_account("ben", request_id="once", by="olga")
    assert again == first
    wait_for("ben to hold BTC", lambda: held(system, "ben").keys() == {"BTC", "ETH"})
    ends = wait_for("ben's second sync", lambda: all_of(system, "ben", 4))
    assert ends[f"s{first.number}.1"].source == first.source
    assert _orders(system, "ben").count(("buy", "XBTUSD")) == 1
    assert "by olga" in system.types("copies --account ben")
    assert f"2 x {first.source}" in system.types("report")


def _a_deposit_is_invested_once(system: Reloaded) -> None:
    """Also where the process dies between. Balances are read as an order is refused for want of money."""
    system.paper.call("POST", "/accounts/anna/deposit", asset="ZUSD", amount=BALANCE)
    refusal = {"account": "anna", "method": "AddOrder", "error": "EOrder:Insufficient funds"}
    system.paper.call("POST", "/faults", kind="error", **refusal)
    before = len(system.trades("anna"))
    system.settles("buy", "0.0005")
    wait_for("anna's process to have died", (system.folder / "died").exists)
    done = nouns.COPY_STATE_FILLED

    def both_bought() -> bool:
        ends = all_of(system, "anna", 2)
        return ends is not None and {copy.state for copy in ends.values()} == {done}

    wait_for("anna's sync", both_bought)
    assert all("deposit noticed at" in copy.source for copy in syncs(system, "anna").values())
    assert len(system.trades("anna")) == before + 2
    system.wait_ready()
    # Twice the money is twice the share of all that the master holds.
    wait_for("anna to show it", lambda: held(system, "anna").keys() == {"BTC", "ETH"})
    shares = {"BTC": D("0.0003"), "ETH": D("0.004")}
    assert all(abs(held(system, "anna")[coin] / share - 1) < D("0.05") for coin, share in shares.items())
    (asked,) = [event for event in system.events("SYNC_REQUESTED") if event.account_id == "anna"]
    assert asked.message == "a deposit came in: it is brought to the master's positions (on_deposit)"


def _a_flatten_is_taken_back(system: Reloaded) -> None:
    """Of a user that is halted, so that nothing of it is sold: it is owed, and then held as before."""
    before, trades = held(system, "anna"), system.trades("anna")

    def flattened() -> list[str]:
        return [copy.detail for copy in system.copies("anna") if copy.reason == Reason.FLATTEN]

    system.types("halt anna")
    system.types("flatten anna --yes --reason slip")
    wait_for("both coins to be owed", lambda: len(flattened()) == len(before))
    said = system.types("flatten anna --cancel")
    assert "what of its flatten is not sold yet is held again; still HALTED for itself" in said
    assert "no flatten of it is owed" in system.types("flatten anna --cancel")
    # Sales may leave from here on, and with the next fill one would have left.
    system.types("exit-only anna")
    words = "what of it was not sold is held again, taken back by"
    wait_for("the copies to say so", lambda: all(words in detail for detail in flattened()))
    system.settles("buy", "0.0001")
    assert system.copies("anna")[-1].reason == Reason.TRADING_REDUCING
    system.types("resume anna")
    assert (held(system, "anna"), system.trades("anna")) == (before, trades)


def _orders(system: Reloaded, user: str) -> list[tuple[str, str]]:
    rows = system.paper.rows("fills")
    return [(row["side"], row["pair"]) for row in rows if row["account"] == user]


def _leaves_slowly_and_is_taken_back(system: Reloaded) -> None:
    """As the master still holds its coins, it stays and buys nothing; in the file again, it trades."""
    system.add("ben", 'group = "clients"', 'copy = { on_leave = "close_only" }')
    system.config_tail = GROUP
    system.reload()
    system.wait_running("anna", "ben")
    system.remove("ben")
    system.reload()
    wait_for("it to buy nothing", lambda: _state(system) == nouns.TRADING_STATE_REDUCING)
    assert "ben: leaves since" in system.types("status")
    assert "(on_leave = close_only)" in system.types("accounts ben")
    before = wait_for("what it holds", lambda: held(system, "ben"))
    assert before.keys() == {"BTC", "ETH"}
    # Other limits of its group change nothing of that.
    system.config_tail = GROUP.replace("max_slippage_bps = 40", LIMITS)
    system.reload()
    wait_for("its new limit", lambda: re.search(r"ben +life +equity", system.types("limits")))
    wait_for("it to show what it holds", lambda: held(system, "ben") == before)
    system.wait_running("anna", "ben")
    assert _state(system) == nouns.TRADING_STATE_REDUCING
    said = system.types("set ben on_leave=close_all", expect=1)
    assert "ben leaves already, on_leave = close_only" in said
    system.settles("buy", "0.0005")
    assert system.copies("ben")[-1].reason == Reason.TRADING_REDUCING
    system.add("ben", 'copy = { on_leave = "close_all" }')
    system.reload()
    wait_for("it to trade again", lambda: _state(system) == nouns.TRADING_STATE_ACTIVE)
    assert system.accounts()["ben"].leaving == ""
    system.wait_running("anna", "ben")
    wait_for("it to show what it held before", lambda: held(system, "ben") == before)


def _shown_status(system: Reloaded) -> str:
    return system.types("status") if system.status() is not None else ""


def _state(system: Reloaded) -> Any:
    return system.accounts()["ben"].trading.state


def _leaves(system: Reloaded) -> None:
    """All that copying bought is sold, in whatever run of the supervisor; then it is gone. A process for it
    is started once the master is back, and until then that is what is said.
    """
    with system.api() as api:
        first = api.resync_account("anna", request_id="once", by="olga")
    system.types("stop master")
    system.remove("ben")
    lines = system.reload("--dry-run")
    (line,) = (line for line in lines if line.startswith("removed: ben"))
    assert "stays until copying holds nothing (close_all); to be sold at once, at the market: " in line
    assert " BTC (about " in line
    system.kill()
    system.start()
    wait_for("what it waits for", lambda: WAITS in _shown_status(system))
    system.types("start master")
    wait_for("ben to be gone", lambda: system.accounts().keys() == {"master", "anna"})
    assert [event.code for event in system.events("ACCOUNT_LEFT")] == ["ACCOUNT_LEFT"]
    with system.api() as api:
        again = api.resync_account("anna", request_id="once", by="olga")
    assert (again.number, again.source) == (first.number, first.source)
    wait_for("anna's second sync", lambda: all_of(system, "anna", 4))
    bought, sold = (
        sum(D(row["volume"]) for row in system.paper.rows("fills") if (row["account"], row["side"]) == key)
        for key in (("ben", "buy"), ("ben", "sell"))
    )
    assert bought == sold > 0
    wait_for("nothing to be said of it", lambda: "ben" not in system.types("status"))
