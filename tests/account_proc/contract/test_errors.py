"""Each error has a reason and an exit code, and those that a restart cannot help are final."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from krakencopy.account_proc.contract import errors
from krakencopy.account_proc.contract.errors import (
    FINAL_EXIT_CODES,
    AccountError,
    ExchangeRefused,
    ExitCode,
    LockHeld,
    OutcomeUnknown,
)


def below(kind: type[AccountError]) -> Iterator[type[AccountError]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from below(child)


KINDS = list(below(AccountError))


def test_each_error_has_a_reason_of_its_own() -> None:
    assert len({kind.reason for kind in KINDS}) == len(KINDS)
    assert all(kind.reason.replace("_", "").isupper() for kind in KINDS)


def test_the_tree_in_the_docstring_names_every_error_and_the_code_it_ends_with() -> None:
    lines = (errors.__doc__ or "").splitlines()
    for kind in KINDS:
        (line,) = [line for line in lines if f"─ {kind.__name__} " in f"{line} "]
        if "exit" in line:
            assert f"exit {kind.exit_code.value}," in line, kind
            assert ("not restarted" in line) == (kind.exit_code in FINAL_EXIT_CODES), kind


def test_a_crash_and_a_damaged_ledger_are_tried_again() -> None:
    again = {ExitCode.OK, ExitCode.CRASHED, ExitCode.LEDGER, ExitCode.NO_ROOM}
    assert again == set(ExitCode) - FINAL_EXIT_CODES


@pytest.mark.parametrize(("pid", "holder"), [(4711, "process 4711"), (None, "another process")])
def test_a_lock_that_is_held_names_its_holder_and_what_to_do(pid: int | None, holder: str) -> None:
    held = LockHeld("the nonce file", "/state/nonce.txt", pid)
    assert str(held) == (
        f"the nonce file is in use by {holder} (lock on /state/nonce.txt); stop it, or use another one"
    )
    assert (held.path, held.holder_pid) == ("/state/nonce.txt", pid)


def test_what_the_exchange_said_is_kept_in_its_own_words() -> None:
    refused = ExchangeRefused("AddOrder", ("EOrder:Insufficient funds", "EGeneral:Busy"))
    assert str(refused) == "AddOrder: EOrder:Insufficient funds, EGeneral:Busy"
    assert (refused.method, refused.errors) == ("AddOrder", ("EOrder:Insufficient funds", "EGeneral:Busy"))
    unknown = OutcomeUnknown("AddOrder", "timed out")
    assert str(unknown) == "AddOrder: outcome unknown: timed out"
    assert (unknown.method, unknown.cause) == ("AddOrder", "timed out")
