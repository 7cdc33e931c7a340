"""What holds for all tests."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import settings

# A shell that starts the tests in the background, as a build server may, has them ignore Ctrl-C, and so would
# every command that they start. Commands under test begin as they do in a terminal: a handler here becomes
# the default in what is executed.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Property tests draw the same examples every time, so that a change is judged by itself; `make fuzz` draws
# new ones. They are judged by what they find, not by how fast a shared machine is.
settings.register_profile("same", deadline=None, print_blob=True, derandomize=True)
settings.register_profile("new", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

#: Set where coverage is measured (make coverage): whatever is started with it measures itself.
MEASURED_BY = "COVERAGE_PROCESS_START"
_measured_by = os.environ.get(MEASURED_BY)
#: What these start is not measured: it proves the whole and no module, and takes long enough.
UNMEASURED = ("tests/bench/", "tests/chaos/", "tests/situations/", "tests/repository/", "tests/system/")
#: But these: they reach what no module's own tests do, e.g. what a process does at its start and end.
MEASURED = tuple(
    f"tests/system/test_{name}.py"
    for name in (
        *("control_front", "independent_loop_disable", "kraken_broker_nonce", "loss_limits", "no_leaks"),
        *("no_orphans", "operators_words", "other_brokers", "reconciliation", "reload", "settings"),
        *("shadow", "signals_and_starts", "simulate"),
    )
)


#: Their files take longest. They are begun first, so that the end is many short files and no long one.
LONG = ("tests/system/", "tests/situations/", "tests/bench/", "tests/chaos/", "tests/repository/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In this order, and in the order of files otherwise."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logstart(nodeid: str) -> None:
    """What runs from now on is put down to the file of the test that begins.

    A process that the test starts has its name from the environment, and passes it on.
    """
    file = nodeid.partition("::")[0]
    if _measured_by is None or os.environ.get("COVERAGE_CONTEXT") == file:
        return
    from coverage import Coverage  # where nothing is measured it is not needed

    measured = Coverage.current()
    assert measured is not None, f"{MEASURED_BY} is set, and nothing is measured"
    measured.switch_context(file)
    os.environ["COVERAGE_CONTEXT"] = file
    if file.startswith(UNMEASURED) and file not in MEASURED:
        os.environ.pop(MEASURED_BY, None)
    else:
        os.environ[MEASURED_BY] = _measured_by
