"""Ids of the exchange have Kraken's form; a client's order id has one of three."""

from __future__ import annotations

import random
import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.values.ids import TransactionIds, client_order_key


def test_ids_have_krakens_form_and_their_kind_in_front() -> None:
    ids = TransactionIds(random.Random(1))  # noqa: S311 - no secrets
    minted = [ids.mint(kind) for kind in "OT" * 500]
    assert all(re.fullmatch(r"[OT][A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{6}", txid) for txid in minted)
    assert [txid[0] for txid in minted[:2]] == ["O", "T"]
    assert len(set(minted)) == len(minted)


def test_the_same_seed_mints_the_same_ids() -> None:
    one, other = (TransactionIds(random.Random(7)) for _ in range(2))  # noqa: S311 - no secrets
    assert [one.mint("O") for _ in range(5)] == [other.mint("O") for _ in range(5)]


@given(st.uuids())
def test_all_spellings_of_a_uuid_are_one_id(identity: uuid.UUID) -> None:
    spellings = {str(identity), str(identity).upper(), identity.hex, identity.hex.upper()}
    assert {client_order_key(text) for text in spellings} == {identity.hex}


@pytest.mark.parametrize("text", ["a", "order-1", "A" * 18, "!~", "12345678901234567"])
def test_a_short_free_text_is_kept_as_it_is(text: str) -> None:
    assert client_order_key(text) == text


@pytest.mark.parametrize("text", ["", "A" * 19, "with blank", "ümlaut", "0" * 33, "0" * 31, "tab\t"])
def test_any_other_form_is_none_that_kraken_takes(text: str) -> None:
    assert client_order_key(text) is None
