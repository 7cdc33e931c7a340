"""Page tokens are taken back for the question that they were given out for, and for no other."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.supervisor.control.page_tokens import BadPageToken, PageTokens
from krakencopy.v1 import control_pb2 as pb

QUESTION = pb.ListFillsRequest(pair="BTC/USD")


@given(st.integers(0, 2**63 - 1))
def test_a_token_leads_back_to_its_position(position: int) -> None:
    token = PageTokens("journal").token(QUESTION, position)
    assert token.isascii()
    assert PageTokens("journal").position(QUESTION, token) == position


@pytest.mark.parametrize(
    "question",
    [
        pb.ListFillsRequest(pair="ETH/USD"),
        pb.ListFillsRequest(pair="BTC/USD", after_seq=0),
        pb.ListEventsRequest(),
        pb.ListAccountsRequest(),
    ],
)
def test_another_question_is_refused(question: Message) -> None:
    tokens = PageTokens("journal")
    with pytest.raises(BadPageToken):
        tokens.position(question, tokens.token(QUESTION, 5))


def test_the_size_of_the_page_may_be_another() -> None:
    tokens = PageTokens("journal")
    token = tokens.token(pb.ListFillsRequest(pair="BTC/USD", page_size=5), 5)
    asked = pb.ListFillsRequest(pair="BTC/USD", page_size=7, page_token=token)
    assert tokens.position(asked, token) == 5


def test_another_journal_is_refused() -> None:
    with pytest.raises(BadPageToken):
        PageTokens("one").position(QUESTION, PageTokens("another").token(QUESTION, 5))


@pytest.mark.parametrize("token", ["5", "x", "é", "=", "====", "A" * 32, "A" * 500, " ", "\x00"])
def test_what_was_never_given_out_is_refused(token: str) -> None:
    with pytest.raises(BadPageToken):
        PageTokens("journal").position(QUESTION, token)


@given(st.data())
def test_a_token_with_one_sign_changed_is_refused(data: st.DataObject) -> None:
    token = PageTokens("journal").token(QUESTION, 5)
    index = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("ABCDEFabcdef0189-_").filter(lambda sign: sign != token[index]))
    changed = token[:index] + other + token[index + 1 :]
    tokens = PageTokens("journal")
    try:
        found = tokens.position(QUESTION, changed)
    except BadPageToken:
        return
    # The last sign of base64 has bits that mean nothing.
    assert (found, index) == (5, len(token) - 1)
