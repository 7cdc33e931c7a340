"""The catalogue has each code that the sources have, and no other; docs/events.md is written from it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from krakencopy.account_proc.contract.conditions import ConditionType
from krakencopy.account_proc.contract.event_catalogue import BY_CODE, CONDITIONS, ENTRIES
from krakencopy.supervisor.lifecycle.state_machine import (
    KILLED,
    MASTER_LOST,
    NO_ANSWER,
    NOT_SERVING,
    REMEDIES,
)
from tests.support.events import PAGE, render

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
#: All of their constants in capitals are codes.
ALL_CODES = (
    "account_proc/kraken/health.py",
    "account_proc/service/account_conditions.py",
    "account_proc/notices/unreadable.py",
    "account_proc/notices/announcements.py",
    "account_proc/copying/order_drifts.py",
)
#: Refusals of conversations.
STREAMS = ("account_proc/service/account_service.py", "supervisor/accounts/fill_check.py")
#: Codes that are put together, or are constants of another name where they are recorded.
ELSEWHERE = {"WRONG_PROCESS", "STILL_WAITING", "STILL_DEGRADED", "MANY_FAILED", "FRONT_REFUSES", "EXIT_OWED"}


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
        if str(path.relative_to(ROOT)) in STREAMS and isinstance(node.func, ast.Name):
            yield from _refusal(node)
        if not isinstance(node.func, ast.Attribute):
            continue
        place = {"record": 2, "announce": 1, "link_refused": 0}.get(node.func.attr)
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


def test_no_condition_has_a_reason_that_a_process_has() -> None:
    """What is advised differs: a new process helps one that does not answer, and no exchange."""
    own = {NO_ANSWER, NOT_SERVING, MASTER_LOST, *KILLED, *REMEDIES}
    assert not own & {entry.code for entries in CONDITIONS.values() for entry in entries}


def test_the_page_is_what_the_catalogue_says() -> None:
    assert PAGE.read_text() == render()
