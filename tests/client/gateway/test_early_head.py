"""A watch that has nothing to say answers with its head, and says the rest when there is something."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from krakencopy.client.gateway.early_head import HEAD_S, EarlyHead
from krakencopy.client.gateway.upstream import SERVICE
from krakencopy.v1 import control_pb2 as pb
from tests.client.gateway.test_application import enveloped, frames, trailers
from tests.support.front import run, until
from tests.support.gateway import TOKEN, StandIn, gateway

REQUESTS = [
    ("application/connect+json", b'{"afterSeq": "3"}'),
    ("application/grpc-web+proto", pb.WatchFillsRequest(after_seq=3).SerializeToString()),
]


@pytest.mark.parametrize(("kind", "request_"), REQUESTS, ids=["connect", "grpc-web"])
def test_a_silent_watch_has_its_head(tmp_path: Path, kind: str, request_: bytes) -> None:
    async def play() -> None:
        servicer = StandIn()
        async with gateway(tmp_path, servicer) as served, aiohttp.ClientSession() as session:
            headers = {"authorization": f"Bearer {TOKEN}", "content-type": kind}
            url = f"{served.url}/{SERVICE.full_name}/WatchFills"
            async with session.post(url, data=enveloped(request_), headers=headers) as answer:
                assert (answer.status, answer.headers["content-type"]) == (200, kind)
                assert answer.headers["cache-control"] == "no-store"
                await until("the watch", lambda: servicer.watching)
                servicer.go_on.set()
                ((_, end),) = frames(await answer.read())
            assert json.loads(end) == {} if "json" in kind else trailers(end)["grpc-status"] == "0"

    run(play())


def test_there_is_one_head() -> None:
    async def play() -> None:
        sent: list[Any] = []

        async def keep(message: Any) -> None:
            sent.append(message)

        early = EarlyHead(keep, "application/connect+json")
        await asyncio.sleep(HEAD_S)
        await until("the head", lambda: sent)
        await early({"type": "http.response.start", "status": 200, "headers": []})
        await early({"type": "http.response.body", "body": b"x"})
        assert [each["type"] for each in sent] == ["http.response.start", "http.response.body"]
        early.end()
        sent.clear()
        quick = EarlyHead(keep, "application/connect+json")
        await quick({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
        quick.end()
        assert [each["headers"] for each in sent] == [[(b"a", b"b")]]

    run(play())
