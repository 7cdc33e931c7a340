"""A day with a limit to losses, of an operator and three users: warned, hit, reset, one who leaves and one
who joins. What is typed, what then stands there, and at the end every figure, by the exchange's own record.
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.v1 import types_pb2 as nouns
from tests.support.reloaded_system import BALANCE, Reloaded
from tests.support.system import Paper, wait_for

D = Decimal
NAMES = {"XBTUSD": "BTC", "ETHUSD": "ETH"}
#: Everybody copies a tenth of what the master trades.
SYSTEM_RULES = '[copy]\nsizing = "fixed_ratio"\nratio = "0.1"\nmax_user_risk = 1\n'
#: Of ben's own, in a coin that is copied as well.
OWN = D("0.001")
WITHIN, WARNED, HIT = nouns.LIMIT_STATE_WITHIN, nouns.LIMIT_STATE_WARNED, nouns.LIMIT_STATE_HIT
LOST = r"limit life: 10\.32 USD of equity lost of at most 10 USD, since [\d: -]+ UTC"


def rules(max_loss: str, more: str = "") -> str:
    limit = f'name = "life", metric = "equity", window = "lifetime", max_loss = "{max_loss} USD"'
    return f'copy = {{ {more}limits = [{{ {limit}, action = "reducing" }}] }}'


@pytest.fixture
def day() -> Iterator[Reloaded]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        paper.price("ETHUSD", "2500")
        keys = {"ben": paper.open_account("ben", {"ZUSD": BALANCE, "XXBT": str(OWN)})}
        lines = {"anna": rules("10")}
        with Reloaded(
            paper, {"anna": BALANCE}, config_tail=SYSTEM_RULES, keys=keys, user_lines=lines
        ) as system:
            dies = {
                "KRAKENCOPY_FAILPOINT": "cid:after_send",
                "KRAKENCOPY_FAILPOINT_MARKER": str(system.folder / "died"),
            }
            system.more_environment |= dies
            system.add("ben", rules("22.5", 'on_leave = "close_all", '))
            yield system


def test_a_scripted_day(day: Reloaded) -> None:
    day.start().wait_ready()
    for user in ("anna", "ben"):
        limit(day, user, WITHIN)
    day.settles("buy", "0.008")
    _is_warned(day)
    _is_hit(day)
    _users_only_sell(day)
    _is_reset(day)
    _one_leaves_and_one_joins(day)
    _every_figure_adds_up(day)


def limit(day: Reloaded, user: str, state: Any, *losses: str) -> Any:
    """A user's limit, once it is so."""

    def there() -> Any:
        with day.api() as api:
            (found,) = api.list_limits([user])
        is_it = found.state == state and (not losses or found.loss in losses)
        return found if is_it else None

    return wait_for(f"the limit of {user}", there)


def codes(day: Reloaded, user: str) -> list[str]:
    """What its limit has led to, in order."""
    of_user = [event.code for event in day.events() if event.account_id == user]
    return [code for code in of_user if code.startswith("LIMIT")]


def says(page: str, *sentences: str) -> None:
    for sentence in sentences:
        assert re.search(sentence, page), f"{sentence!r} is not in:\n{page}"


def _is_warned(day: Reloaded) -> None:
    day.paper.price("XBTUSD", "40000")
    for user in ("anna", "ben"):
        limit(day, user, WARNED)
    says(
        day.types("limits"),
        r"anna +life +equity +lifetime +8\.32 USD +10 USD +83 % +reducing +WARNED",
        r"ben +life +equity +lifetime +18\.32 USD +22\.5 USD +81 % +reducing +WARNED",
    )
    wait_for("the warning", lambda: codes(day, "anna") == ["LIMIT_WARNED"])
    assert day.accounts()["anna"].trading.state == nouns.TRADING_STATE_ACTIVE


def _is_hit(day: Reloaded) -> None:
    """It holds whatever ends the process right afterwards."""
    day.paper.price("XBTUSD", "37500")
    limit(day, "anna", HIT)
    pid = day.pids()["anna"]
    os.kill(pid, signal.SIGKILL)
    wait_for("another process", lambda: day.pids().get("anna") not in {pid, 0, None})
    limit(day, "ben", HIT)
    day.wait_ready()
    found = limit(day, "anna", HIT)
    assert (found.loss, found.used_percent) == ("10.32 USD", "103")
    assert "LIMIT_HIT" in codes(day, "anna")

    def notes() -> list[str]:
        return [line for line in day.types("status").splitlines() if line.startswith("anna: ")]

    # The limit is known by the ledger as well; what status says comes with the new process.
    (note,) = wait_for("what status says of anna", notes)
    says(note, f"^anna: REDUCING for itself by limit life since .*{LOST}")
    assert note.count("of equity lost") == 1, "once is enough"


def _users_only_sell(day: Reloaded) -> None:
    day.buy("ETH/USD", "0.08")
    day.settled(2)
    assert [day.copies(user)[-1].reason for user in ("anna", "ben")] == [Reason.LIMIT_HIT] * 2
    says(
        page := day.types("why 2"),
        "2 users: 2 skipped it",
        "skipped  LIMIT_HIT: anna, ben",
        rf"anna: SKIPPED\n +skipped \(LIMIT_HIT\): {LOST}; REDUCING since .*, until it is reset",
        r"ben: SKIPPED\n +skipped \(LIMIT_HIT\): limit life: 22\.82 USD of equity lost of at most 22\.5 USD",
    )
    assert "sized for" not in page
    day.settles("sell", "0.008")
    says(day.types("why 3"), "2 users: 2 copied it in full", r"EXIT_FULL", "in full +anna, ben")
    assert day.holds("anna") == day.holds("ben") == 0


def _is_reset(day: Reloaded) -> None:
    assert "still REDUCING by limit life" in day.types("resume anna")
    says(day.error("reset-limit", "anna", "life", expect=3), "the following arguments are required: --reason")
    limit(day, "anna", HIT)
    for user in ("anna", "ben"):
        assert day.types(f"reset-limit {user} life --reason discussed") == f"{user}: limit life begins anew\n"
        limit(day, user, WITHIN)
    day.buy("BTC/USD", "0.004")
    day.buy("ETH/USD", "0.08")
    day.settled(5)
    assert [copy.state for copy in day.copies("anna")[-2:]] == [nouns.COPY_STATE_FILLED] * 2
    says(
        day.types("events --account anna"),
        r"WARNING +anna +LIMIT_RESET +limit life is reset by operator .* \(discussed\)",
    )
    wait_for("the end of the hit to be recorded", lambda: "LIMIT_HIT_OVER" in codes(day, "anna"))


def _one_leaves_and_one_joins(day: Reloaded) -> None:
    """By one reload. The process of who joins dies with its first order at the exchange."""
    day.paper.price("XBTUSD", "40000")  # worse than what the master has paid for what it holds
    day.paper.price("ETHUSD", "2400")
    day.remove("ben")
    day.add("cid", rules("10", 'on_join = "sync_if_not_worse", '))
    assert [line.split(" (")[0] for line in day.reload()] == ["added: cid", "removed: ben"]
    wait_for("ben to be gone", lambda: day.accounts().keys() == {"master", "anna", "cid"})
    assert [event.account_id for event in day.events("ACCOUNT_LEFT")] == ["ben"]
    wait_for("cid to have died", (day.folder / "died").exists)

    def synced() -> list[tuple[str, int]]:
        found = sorted((copy for copy in day.copies("cid") if copy.source), key=lambda copy: copy.copy_id)
        return [(copy.reason, copy.state) for copy in found if copy.state != nouns.COPY_STATE_SENT]

    ends = [(Reason.SYNC_WORSE, nouns.COPY_STATE_SKIPPED), (Reason.SCALED, nouns.COPY_STATE_FILLED)]
    wait_for("cid's sync", lambda: synced() == ends)
    day.wait_ready()
    # What it has joined with goes as the master's does.
    day.sell("ETH/USD", "0.08")
    day.sell("BTC/USD", "0.002")
    day.settled(7)
    assert day.trades("cid") == [("buy", D("0.016")), ("sell", D("0.008"))]


def _every_figure_adds_up(day: Reloaded) -> None:
    fills = [row for row in day.paper.rows("fills") if row["account"] != "master"]
    volumes: dict[str, dict[str, Decimal]] = {}
    for row in fills:
        held = volumes.setdefault(row["account"], {})
        coin, sign = NAMES[row["pair"]], 1 if row["side"] == "buy" else -1
        held[coin] = held.get(coin, D(0)) + sign * D(row["volume"])
    assert volumes == {
        "anna": {"BTC": D("0.0002"), "ETH": D("0.004")},
        "ben": {"BTC": 0, "ETH": 0},
        "cid": {"ETH": D("0.008")},
    }
    assert _balances(day, "ben")["XXBT"] == OWN, "its own coins stay"
    _report_adds_up(day, fills)
    _status_adds_up(day, volumes)
    _limits_and_rules_are_shown(day)


def _report_adds_up(day: Reloaded, fills: list[dict[str, Any]]) -> None:
    report = json.loads(day.types("-o json report"))
    shown = {account["account_id"]: account for account in report["accounts"]}
    assert shown.keys() == {"anna", "ben", "cid"}
    for user, account in shown.items():
        own = [row for row in fills if row["account"] == user]
        for key, side in (("bought", "buy"), ("sold", "sell")):
            total = sum((D(row["cost"]) for row in own if row["side"] == side), D(0))
            assert D(account[key]["USD"]) == total
        assert D(account["fees"]["USD"]) == sum(D(row["fee"]) for row in own)
        orders = {row["txid"] for row in own}
        assert int(account["copies"]["filled"]) + int(account["without_fill"]["filled"]) == len(orders)
    status = json.loads(day.types("-o json status"))["copies"]
    for state, number in status.items():
        parts = [int(part[state]) for one in shown.values() for part in (one["copies"], one["without_fill"])]
        assert int(number) == sum(parts), state
    says(
        day.types("report"),
        "^7 fills in the journal, all answered to the end by every user",
        r"anna +7 +6 +0 +0 +1 +0 +0 +0 +0 of 3",
        r"cid +2 +1 +0 +0 +1 +0 +0 +0 +0 of 1",
        r"ben \(removed\) +5 +4 +0 +0 +1 +0 +0 +0 +0 of 3",
        r"cid:\n +beside +1 filled, 1 skipped.*\n +syncs +2 x joined at .* \(on_join\)",
        r"reasons +1 x NO_COPIED_POSITION, 1 x SYNC_WORSE",
    )


def _status_adds_up(day: Reloaded, volumes: dict[str, dict[str, Decimal]]) -> None:
    for user in ("anna", "cid"):
        balances = _balances(day, user)
        worth = balances["ZUSD"] + balances.get("XXBT", 0) * 40000 + balances.get("XETH", 0) * 2400
        wait_for(f"the figures of {user}", partial(_shows, day, user, volumes[user], worth))
    page = day.types("status")
    says(page, r"^system +READY\n", r"fills +7\n", "anna +user", "cid +user")
    assert "ben" not in page
    assert "limit" not in page


def _balances(day: Reloaded, user: str) -> dict[str, Decimal]:
    balances = day.paper.call("GET", f"/accounts/{user}")["balances"]
    return {asset: D(amount) for asset, amount in balances.items()}


def _shows(day: Reloaded, user: str, volumes: dict[str, Decimal], worth: Decimal) -> bool:
    """Whether these are shown as copied, and this as equity."""
    account = day.accounts()[user]
    held = {each.asset: D(each.volume) for each in account.positions if D(each.volume)}
    return held == volumes and D(account.equity.amount) == worth


def _limits_and_rules_are_shown(day: Reloaded) -> None:
    """Since its reset anna has paid 35 USD, got back 17.6 and holds 17.6; fees were 0.28 and 0.1408 USD.
    Where cid is judged first, its fee for what it has joined with was before that.
    """
    limit(day, "anna", WITHIN, "0.22 USD")
    limit(day, "cid", WITHIN, "0.46 USD", "0.15 USD")
    says(
        page := day.types("limits"),
        r"anna +life +equity +lifetime +0\.22 USD +10 USD +2 % +reducing +WITHIN",
        r"cid +life +equity +lifetime +0\.(46|15) USD +10 USD +[41] % +reducing +WITHIN",
    )
    assert "ben" not in page
    says(
        day.types("accounts cid --rules"),
        r"copy\.ratio +0\.1 +\[copy\]",
        r"copy\.on_join +sync_if_not_worse +account",
        r"copy\.on_leave +keep +default",
        r"copy\.limits\.life +equity, lifetime, 10 USD, warned at 80%, then reducing +account",
    )
