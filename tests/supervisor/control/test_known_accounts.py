"""An id that is not known is refused with those that are."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest

from krakencopy.account_proc.contract.refusals import TEXT_MAX
from krakencopy.supervisor.control.known_accounts import find_account, find_user, unknown_account
from krakencopy.supervisor.control.refusals import Context


class Refused(Exception):
    """As gRPC ends the call."""


class RefusingContext:
    async def abort_with_status(self, status: Any) -> NoReturn:
        raise Refused(status.details)


CONTEXT = cast("Context", RefusingContext())


def test_an_account_is_found_by_its_id() -> None:
    assert asyncio.run(find_account({"anna": 1}, "anna", CONTEXT)) == 1


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("ana", "there is no account 'ana' in the configuration; did you mean anna? there are master, anna"),
        (
            "ANNA",
            "there is no account 'ANNA' in the configuration; did you mean anna? there are master, anna",
        ),
        ("zoe", "there is no account 'zoe' in the configuration; there are master, anna"),
    ],
)
def test_an_unknown_id_names_the_nearest_one_and_all_that_are_known(written: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        asyncio.run(find_account({"master": 1, "anna": 2}, written, CONTEXT))
    assert str(refused.value) == said


def test_what_else_would_have_been_taken_is_named_once() -> None:
    with pytest.raises(Refused, match=r"there are anna, supervisor$"):
        asyncio.run(find_account({"anna": 2}, "x", CONTEXT, ("anna", "supervisor")))


def test_of_many_ids_the_nearest_and_some_are_named() -> None:
    known = [f"user_{number:03}_{'x' * 20}" for number in range(100)]
    said = unknown_account(known[57][:-1], known)
    assert f"did you mean {known[57]}?" in said
    assert said.endswith(" and 92 more")
    assert len(said) < 2 * TEXT_MAX


def test_a_user_copies_and_is_configured() -> None:
    def one(account_id: str, *, copies: bool, removed: bool) -> Any:
        return SimpleNamespace(config=SimpleNamespace(id=account_id, copies=copies), removed=removed)

    accounts = {
        "master": one("master", copies=False, removed=False),
        "anna": one("anna", copies=True, removed=False),
        "gone": one("gone", copies=True, removed=True),
    }

    def find(account_id: str) -> Any:
        return asyncio.run(find_user(accounts, account_id, CONTEXT, "nothing is sold"))

    assert find("anna") is accounts["anna"]
    with pytest.raises(Refused, match="master copies nobody: nothing is sold"):
        find("master")
    with pytest.raises(Refused, match="gone is not in the configuration any more"):
        find("gone")
    with pytest.raises(Refused, match="there is no account 'zoe'"):
        find("zoe")
