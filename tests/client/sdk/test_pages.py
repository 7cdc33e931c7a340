"""A list goes through its pages and asks for no more than it gives."""

from collections.abc import Callable
from typing import Any

from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.scripted_supervisor import Scripted


def _pages(*pages: pb.ListFillsResponse) -> Callable[[pb.ListFillsRequest, Any], pb.ListFillsResponse]:
    return lambda request, _context: pages[int(request.page_token or 0)]


def _fills(*seqs: int) -> list[nouns.Fill]:
    return [nouns.Fill(seq=seq) for seq in seqs]


def test_a_list_goes_through_all_pages_even_empty_ones(sdk: MessageClient, supervisor: Scripted) -> None:
    supervisor.on["ListFills"] = _pages(
        pb.ListFillsResponse(fills=_fills(4, 3), next_page_token="1"),
        pb.ListFillsResponse(next_page_token="2"),
        pb.ListFillsResponse(fills=_fills(2, 1)),
    )
    assert [fill.seq for fill in sdk.list_fills()] == [4, 3, 2, 1]


def test_a_list_with_a_limit_asks_for_no_more_than_it_gives(sdk: MessageClient, supervisor: Scripted) -> None:
    supervisor.on["ListFills"] = _pages(
        pb.ListFillsResponse(fills=_fills(4, 3), next_page_token="1"),
        pb.ListFillsResponse(fills=_fills(2, 1)),
    )
    assert [fill.seq for fill in sdk.list_fills(limit=2)] == [4, 3]
    assert [request.page_size for request in supervisor.asked] == [2]
    assert [fill.seq for fill in sdk.list_fills(limit=3)] == [4, 3, 2]
    assert list(sdk.list_fills(limit=0)) == []
