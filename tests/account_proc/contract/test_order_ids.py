"""Whose an order is can be told by its id alone, for every account and state folder, and ids are UUIDs
that Kraken takes.
"""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.order_ids import (
    CL_ORD_ID_MARK,
    CL_ORD_ID_SPACE,
    Maker,
    copy_order_id,
    own_order_id,
    tag,
    tag_of,
    tags,
)

texts = st.text(max_size=8)


@given(texts, texts, texts, st.integers(1, 9))
def test_an_id_is_a_marked_uuid_of_version_5_the_same_for_the_same_parts_and_another_for_others(
    journal: str, account: str, copy: str, attempt: int
) -> None:
    made = copy_order_id(journal, account, copy, attempt)
    assert UUID(made).version == 5
    assert str(UUID(made)) == made
    assert made.startswith(CL_ORD_ID_MARK)
    assert str(CL_ORD_ID_SPACE).startswith(CL_ORD_ID_MARK)
    assert made == copy_order_id(journal, account, copy, attempt)
    others = {
        copy_order_id(journal, account, copy, attempt + 1),
        copy_order_id(journal, account, copy + "x", attempt),
        copy_order_id(journal, account + "x", copy, attempt),
        copy_order_id(journal + "x", account, copy, attempt),
        own_order_id(journal, account, copy),
    }
    assert len(others) == 5
    assert made not in others


@given(texts, st.lists(texts, unique=True, min_size=1, max_size=4), texts)
def test_the_tag_tells_for_whom_and_by_what_an_order_was_made(
    journal: str, accounts: list[str], what: str
) -> None:
    makers = tags(journal, accounts)
    for account in accounts:
        assert tag_of(copy_order_id(journal, account, what, 1)) == tag(Maker.COPY, journal, account)
        assert makers[tag_of(copy_order_id(journal, account, what, 1))] == (Maker.COPY, account)
        assert makers[tag_of(own_order_id(journal, account, what))] == (Maker.OWN, account)


@pytest.mark.parametrize("cl_ord_id", [None, "", "9ce3b826-0000-4000-8000-000000000000", "bot-17"])
def test_an_order_of_somebody_else_has_no_tag(cl_ord_id: str | None) -> None:
    assert tag_of(cl_ord_id) == ""


def test_an_id_that_is_cut_short_is_nobodys() -> None:
    assert tag_of(CL_ORD_ID_MARK) not in tags("j", ["anna"])
