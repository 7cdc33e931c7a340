"""The catalogue has each code that the sources have, and no other; docs/events.md is written from it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from krakencopy.account_proc.contract.condition_reasons import CONDITIONS
from krakencopy.account_proc.contract.conditions import ConditionType
from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.contract.errors import ExitCode
from krakencopy.account_proc.contract.event_catalogue import BY_CODE, ENTRIES
from krakencopy.account_proc.contract.reason_catalogue import (
    COPIES,
    FAILED,
    NOT_TRADING,
    STATES,
    STREAMS,
    WAITING,
    Meaning,
)
from krakencopy.supervisor.lifecycle.state_machine import (
    KILLED,
    MASTER_LOST,
    NO_ANSWER,
    NOT_SERVING,
    REMEDIES,
    Effect,
    State,
)
from tests.support.events import PAGE, render

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
REASON_WORD = re.compile(r"[A-Z][A-Z0-9]{3,}(_[A-Z0-9]+)*|[A-Z0-9]+(_[A-Z0-9]+)+")
#: All of their constants in capitals are codes.
ALL_CODES = (
    "account_proc/kraken/health.py",
    "account_proc/service/account_conditions.py",
    "account_proc/service/ccxt_conditions.py",
    "account_proc/notices/unreadable.py",
    "account_proc/notices/announcements.py",
    "account_proc/copying/order_drifts.py",
)
#: An error of theirs that ends a conversation is an event of its reason.
REFUSED_STREAMS = ("account_proc/service/account_service.py", "supervisor/accounts/fill_check.py")
#: Codes that are put together, or are constants of another name where they are recorded.
ELSEWHERE = {
    "WRONG_PROCESS",
    "STILL_WAITING",
    "STILL_DEGRADED",
    "MANY_FAILED",
    "FRONT_REFUSES",
    "EXIT_OWED",
    "TRADING_STATE_CHANGED",
    "FLATTEN_REQUESTED",
    "FLATTEN_TAKEN_BACK",
    "TRADING_STATE_NOT_KEPT",
    "TRADING_STATES_UNREADABLE",
    "TOKEN_CREATED",
    "CERTIFICATE_ISSUED",
    "CREDENTIAL_REVOKED",
    "CERTIFICATES_RENEWED",
    "CERTIFICATES_FAULT",
    # Of each kind and action: supervisor/control/configurator.py.
    "ACCOUNT_CREATED",
    "ACCOUNT_UPDATED",
    "ACCOUNT_DELETED",
    "GROUP_CREATED",
    "GROUP_UPDATED",
    "GROUP_DELETED",
}


def codes_of(path: Path) -> Iterator[str]:
    """The codes of what a module records."""
    tree = ast.parse(path.read_text())
    if str(path.relative_to(ROOT)) in ALL_CODES:
        yield from (
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value)
        )
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if str(path.relative_to(ROOT)) in REFUSED_STREAMS and isinstance(node.func, ast.Name):
            yield from _refusal(node)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        places = {"record": 2, "record_wish": 3, "event_of": 2, "announce": 1, "link_refused": 0}
        place = places.get(name)
        if place is None or len(node.args) <= place:
            continue
        code = node.args[place]
        if isinstance(code, ast.Constant) and isinstance(code.value, str):
            yield code.value


def _refusal(node: ast.Call) -> Iterator[str]:
    """The code of an error that ends a conversation for good (supervisor/accounts/account_link.py)."""
    assert isinstance(node.func, ast.Name)
    first = ast.unparse(node.args[0]) if node.args else ""
    if node.func.id == "refusal" and first in {"Status.DATA_LOSS", "Status.FAILED_PRECONDITION"}:
        found = node.args[1]
    elif node.func.id == "BadFill":
        found = node.args[0]
    else:
        return
    if isinstance(found, ast.Constant):
        assert isinstance(found.value, str)
        yield found.value


def test_each_code_in_the_sources_is_in_the_catalogue_and_no_other() -> None:
    sources = [*(ROOT / "account_proc").rglob("*.py"), *(ROOT / "supervisor").rglob("*.py")]
    found = {code for path in sources for code in codes_of(path)} | ELSEWHERE
    ends = {f"{entry.code}_OVER" for entry in ENTRIES if entry.ends}
    assert found - ends - BY_CODE.keys() == set()
    assert BY_CODE.keys() - found == set()


def test_each_code_is_there_once_and_each_condition_but_the_processs_own_has_reasons() -> None:
    assert len(ENTRIES) == len(BY_CODE)
    assert list(CONDITIONS) == [kind for kind in ConditionType if kind is not ConditionType.PROCESS_ALIVE]


#: All of their constants in capitals are reasons of states, but for the names of states and effects.
OF_STATES = (
    "supervisor/lifecycle/state_machine.py",
    "supervisor/lifecycle/start_order.py",
    "supervisor/lifecycle/circuit_breaker.py",
    "account_proc/service/kraken_process.py",
    "account_proc/service/ccxt_process.py",
    "account_proc/service/master_side.py",
    "account_proc/kraken/key_check.py",
)
#: The same, of streams.
OF_STREAMS = (
    "account_proc/service/account_service.py",
    "account_proc/copying/fill_faults.py",
    "supervisor/accounts/account_link.py",
    "supervisor/accounts/fill_check.py",
    "supervisor/accounts/grpc_client.py",
)
#: Refusals of single calls, which are no streams.
OF_CALLS = {"EXCHANGE", "ORDER_OUTCOME_UNKNOWN", "NOT_AT_KRAKEN", "TOO_MANY_CALLS"}
#: Given where an account is condemned, or waits for a key; and exit codes' names, but of an end without room,
#: which is shown by the reason of its condition.
STATES_ELSEWHERE = {"KEY_USED_ELSEWHERE", "SAME_ACCOUNT", "KEY_IN_USE"} | {
    code.name for code in ExitCode if code not in {ExitCode.OK, ExitCode.NO_ROOM}
}


def constants_of(paths: Iterable[str]) -> set[str]:
    """Constants in capitals that stand in some modules."""
    return {
        node.value
        for path in paths
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and REASON_WORD.fullmatch(node.value)
    }


def codes(parts: Iterable[Iterable[Meaning]]) -> list[str]:
    return [found.code for part in parts for found in part]


def test_each_reason_of_a_state_is_explained_and_no_other() -> None:
    found = constants_of(OF_STATES) | STATES_ELSEWHERE
    found -= {*State, *Effect, *OF_CALLS}
    assert found - {*codes(STATES.values())} - BY_CODE.keys() == set()
    assert {*codes(STATES.values())} - found == set()


def test_each_reason_of_a_refused_stream_is_explained_and_no_other() -> None:
    assert constants_of(OF_STREAMS) - OF_CALLS == {*codes([STREAMS])}


def test_each_reason_of_a_copy_is_explained_and_no_other() -> None:
    assert sorted(codes(COPIES.values())) == sorted(Reason)


#: What passes by itself.
PASSING = {
    "SEPARATION_WAIT", "MASTERS_FIRST", "KEY_IN_USE", "CONNECTING", "CATCHING_UP", "NO_ANSWER", "RESTART",
    "PROCESS_ENDED",
}  # fmt: skip


def test_whatever_does_not_pass_by_itself_says_what_to_do() -> None:
    without = {entry.code for entry in (*WAITING, *NOT_TRADING, *FAILED, *STREAMS) if not entry.remedy}
    assert without == PASSING


def test_no_condition_has_a_reason_that_a_process_has() -> None:
    """What is advised differs: a new process helps one that does not answer, and no exchange."""
    own = {NO_ANSWER, NOT_SERVING, MASTER_LOST, *KILLED, *REMEDIES}
    assert not own & {entry.code for entries in CONDITIONS.values() for entry in entries}


def test_the_page_is_what_the_catalogue_says() -> None:
    assert PAGE.read_text() == render()
