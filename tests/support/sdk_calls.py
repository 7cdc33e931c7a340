"""Each method of a client of the SDK called once, against a scripted supervisor that answers with every field
set.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple

from krakencopy.client.sdk.async_streams import AsyncItems, AsyncLines
from krakencopy.client.sdk.async_watch import AsyncWatch
from krakencopy.client.sdk.watch_stream import Watch
from tests.support.scripted_supervisor import SERVICE, Live, Scripted
from tests.support.sdk_samples import CALLED, whole


class Called(NamedTuple):
    """An RPC, what it answers, and what the client of messages gives of that."""

    rpc: str
    answer: Any
    item: Any


def called(supervisor: Scripted, name: str) -> Called:
    """Has the supervisor answer the RPC of a method."""
    rpc = "".join(word.capitalize() for word in name.split("_"))
    method = SERVICE.methods_by_name[rpc]
    answer = whole(method.output_type)
    if "next_page_token" in answer.DESCRIPTOR.fields_by_name:
        answer.next_page_token = ""
    if rpc == "ListOrders":
        del answer.unreadable_ids[:]
    kind = CALLED[name][0].shape
    if kind == "Follow":
        supervisor.on[rpc] = Live(answer)
    else:
        streams = method.server_streaming
        supervisor.on[rpc] = lambda _request, _context: [answer] if streams else answer
    return Called(rpc, answer, _item(answer, name))


def _item(answer: Any, name: str) -> Any:
    """What the client of messages gives, once or for each item."""
    raw = CALLED[name][0].item
    if raw.rpartition(".")[2] == answer.DESCRIPTOR.name:
        return answer
    names = {field.name for field in answer.DESCRIPTOR.fields} - {"next_page_token", "unreadable_ids"}
    [found] = [getattr(answer, name) for name in names]
    return found if isinstance(found, str) or hasattr(found, "DESCRIPTOR") else list(found)


def asked_by(supervisor: Scripted, name: str) -> Any:
    """The request that a method sent, without the request id that it made."""
    rpc = "".join(word.capitalize() for word in name.split("_"))
    [found] = [asked for asked in supervisor.asked if asked.DESCRIPTOR.name == f"{rpc}Request"]
    if "request_id" in found.DESCRIPTOR.fields_by_name:
        assert found.request_id
        found.request_id = ""
    return found


def given_by(sdk: Any, name: str) -> Any:
    """What a client for threads gives: of a list all, of a stream the first."""
    found = getattr(sdk, name)(**CALLED[name][1])
    if isinstance(found, Watch):
        with found:
            return next(found)
    if inspect.isgenerator(found):
        with closing(found):
            return list(found)
    return list(found) if isinstance(found, Iterator) else found


async def awaited_of(sdk: Any, name: str) -> Any:
    """What a client for asyncio gives: of a list all, of a stream the first."""
    found = getattr(sdk, name)(**CALLED[name][1])
    if isinstance(found, AsyncWatch):
        async with found:
            return await anext(found)
    if isinstance(found, AsyncLines):
        return [line async for line in found]
    return await found.all() if isinstance(found, AsyncItems) else await found
