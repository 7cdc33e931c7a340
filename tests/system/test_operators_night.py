"""An operator's night: what goes wrong in it, what the operator types, and what then stands in the terminal.

Each page fits the terminal, shows no traceback and nothing that steers it (tests/support/terminal.py); each
command that a page advises exists.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import pytest

from krakencopy.client.cli.arguments import parse
from tests.support.system import Paper, System, wait_for
from tests.support.terminal import Screen, Terminal

#: Each of its fifty commands is a process of its own, and machines are slow at times.
pytestmark = pytest.mark.timeout(420)

PAIR = "BTC/USD"
REFUSAL = "EOrder:Trading agreement required"
#: As pages show a moment.
MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d"
#: What stands in advice for a word of the operator's.
PLACEHOLDERS = {"ID": "ann", "FILL": "1", "OLD": "MATIC", "NEW": "POL"}


@pytest.fixture
def system(paper: Paper) -> Iterator[System]:
    with System(paper, {"ann": "1000", "ben": "1000", "cid": "1000"}) as system:
        yield system


class Night:
    """One supervisor, one exchange, and the terminal before which the operator sits."""

    def __init__(self, paper: Paper, system: System) -> None:
        self.paper, self.system = paper, system
        self.terminal = Terminal(system.endpoint)

    def reads(self, line: str, *sentences: str, expect: int = 0) -> Screen:
        """A line that is typed, and sentences that stand there then."""
        page = self.terminal.run(line, expect=expect)
        for sentence in sentences:
            assert re.search(sentence, page.text), f"{line} does not say {sentence!r}:\n{page}"
        return page

    def reads_in_time(self, line: str, sentence: str) -> None:
        """Types a line again and again until it says something."""
        wait_for(f"{line} to say {sentence!r}", lambda: re.search(sentence, self.terminal.run(line).text))

    def fault(self, **fault: str) -> None:
        self.paper.call("POST", "/faults", count="0", **fault)

    def ready_again(self) -> None:
        self.reads("krakencopy wait --ready --timeout 45", "^ready: 4 of 4 accounts running")


def test_an_operators_night(paper: Paper, system: System) -> None:
    night = Night(paper, system)
    _begins(night)
    _a_key_is_revoked(night)
    _the_exchange_is_down(night)
    _a_user_is_owed_an_exit(night)
    _the_supervisor_is_killed(night)
    _the_masters_process_is_killed(night)
    _ends(night)
    _advice_exists(night)


def _begins(night: Night) -> None:
    night.reads("krakencopy status", "no supervisor answers at unix:.* is krakencopyd running", expect=2)
    night.system.start()
    night.reads("krakencopy wait --ready --timeout 60", "^ready: 4 of 4 accounts running, 0 fills$")
    night.system.buy(PAIR, "0.004")
    night.system.settled(1)
    night.reads("krakencopy status", "^system READY ", "fills 1 ")
    night.reads("krakencopy why 1", "ann: FILLED", "ben: FILLED", "cid: FILLED")
    night.reads("krakencopy report", "all answered to the end by every user")


def _a_key_is_revoked(night: Night) -> None:
    paper, key = night.paper, night.system.keys["ann"]
    paper.call("DELETE", f"/accounts/ann/keys/{key.key}")
    cause = (
        r"the exchange does not take the key \(\w+: EAPI:Invalid key\); it was deleted or is another one; "
    )
    night.reads_in_time("krakencopy status", f"ann: {cause}give the account a new key")
    night.reads(
        "krakencopy wait --ready --timeout 0", r"not ready: ann is DEGRADED \(INVALID_KEY\)", cause, expect=5
    )
    night.reads("krakencopy accounts ann", f"KEY_ACCEPTED INVALID_KEY since {MOMENT}: {cause}", "feed down")
    night.reads("krakencopy events --account ann", f"ERROR ann INVALID_KEY {cause}")
    night.system.buy(PAIR, "0.001")
    night.system.settled(2)
    # Why, and not the lockout that follows from it.
    night.reads("krakencopy why 2", r"failed EAPI:Invalid key: ann", "ben: FILLED")
    night.reads("krakencopy copies --account ann", "REJECTED .* EAPI:Invalid key")
    night.reads("krakencopy logs ann -n 50", "KEY_REFUSED: GetWebSocketsToken: EAPI:Invalid key")
    paper.call("POST", "/accounts/ann/keys", key=key.key, secret=key.secret)
    night.ready_again()
    night.reads_in_time("krakencopy events --account ann", f"INFO ann INVALID_KEY_OVER over: {cause}")


def _the_exchange_is_down(night: Night) -> None:
    night.fault(kind="html_5xx", status="503")
    words = r"the exchange does not answer \(HTTP 503: Service Unavailable\); it is asked again and again"
    night.reads_in_time("krakencopy status", f"master, ann, ben, cid: {words}, nothing is lost")
    night.reads("krakencopy accounts master", f"EXCHANGE_ANSWERS HTTP_ERROR since {MOMENT}: {words}")
    night.reads("krakencopy events", f"ERROR master HTTP_ERROR {words}", "RUNNING -> DEGRADED")
    night.reads("krakencopy nonce ann", "the exchange was not asked, or gave no answer")
    night.paper.call("DELETE", "/faults")
    night.ready_again()
    night.reads_in_time("krakencopy events", "INFO master HTTP_ERROR_OVER")


def _a_user_is_owed_an_exit(night: Night) -> None:
    night.fault(kind="error", error=REFUSAL, account="ben", method="AddOrder")
    night.system.sell(PAIR, "0.002")
    owed = rf"exit owed: 0\.\d+ BTC, {REFUSAL}"
    night.reads_in_time("krakencopy status", rf"ben: {owed}.*; it is tried again until it is done")
    page = night.reads("krakencopy status", r"NOT READY: ben is DEGRADED \(EXIT_OWED\)")
    assert page.text.count("exit owed") == 1, "once is enough"
    night.reads("krakencopy accounts ben", f"EXITS_DONE EXIT_OWED since {MOMENT}: {owed}")
    night.reads_in_time("krakencopy events --account ben", f"ERROR ben EXIT_OWED {owed}")
    night.reads("krakencopy why 3", rf"ben: REJECTED refused \({REFUSAL}\)", "ann: FILLED")
    night.reads("krakencopy report", f"x {REFUSAL}")


def _the_supervisor_is_killed(night: Night) -> None:
    night.system.kill()
    for line in ("krakencopy status", "krakencopy accounts ben", "krakencopy why 3"):
        night.reads(line, r"no supervisor answers at unix:\S+ \(.+\); is krakencopyd running", expect=2)
    night.system.start()
    wait_for("an answer", night.system.status)
    night.reads_in_time(
        "krakencopy events", "WARNING - LAST_RUN_CUT_OFF the run before did not come to its own end, after"
    )
    night.reads_in_time("krakencopy status", rf"ben: exit owed: 0\.\d+ BTC, {REFUSAL}")
    page = night.reads("krakencopy events --account ben --limit 0")
    assert "EXIT_OWED_OVER" not in page, "it was not over in between"
    night.paper.call("DELETE", "/faults")
    night.ready_again()
    night.reads_in_time("krakencopy events --account ben", "INFO ben EXIT_OWED_OVER over: exit owed: ")


def _the_masters_process_is_killed(night: Night) -> None:
    os.kill(night.system.pids()["master"], signal.SIGKILL)
    night.reads_in_time(
        "krakencopy events --account master",
        r"ERROR master MASTER_LOST the master's process has ended \(signal 9; starting again[^)]*\); users "
        "finish what is in flight, no user is started",
    )
    night.ready_again()
    night.reads(
        "krakencopy accounts master", f"last end that nobody had asked for, on {MOMENT}: SIGKILL",
        "Usually the machine was out of memory",
    )  # fmt: skip
    page = night.reads("krakencopy events --limit 12", "INFO master MASTER_READY the master is healthy")
    users = [line for line in page.splitlines() if re.search(r"(WARNING|ERROR)\s+(ann|ben|cid)", line)]
    assert users == [], "one event that matters"


def _ends(night: Night) -> None:
    night.reads("krakencopy shutdown --wait", "^the supervisor has stopped$")
    assert night.system.wait_death() == 0
    night.reads("krakencopy status", "there is no such socket", expect=2)
    night.system.start().wait_ready()
    page = night.reads("krakencopy events --limit 0", "INFO - SHUTDOWN")
    assert page.text.count("LAST_RUN_CUT_OFF") == 1, "the second run came to its own end"


def _advice_exists(night: Night) -> None:
    """Also that of what has not happened tonight: a reminder of each kind is in the tests of its module."""
    for advice in night.terminal.advised:
        _, *words = advice.split()
        parse([PLACEHOLDERS.get(word, word) for word in words])
