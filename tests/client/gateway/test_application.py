"""ControlService over Connect and gRPC-Web, with real sockets: as curl asks, by a reader of frames that is
written here, and by connectrpc's own client.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from connectrpc.client import ConnectClient
from connectrpc.code import Code
from connectrpc.compat import google_protobuf_binary_codec
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.protocol import ProtocolType
from google.rpc import status_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo

from krakencopy.client.gateway.application import REQUEST_BYTES_MAX
from krakencopy.client.gateway.server import Gateway
from krakencopy.client.gateway.slots import CALLS_OF_ONE_MAX
from krakencopy.client.gateway.upstream import SERVICE, Upstream
from krakencopy.v1 import control_pb2 as pb
from tests.support.front import run, until
from tests.support.gateway import OTHER, TOKEN, StandIn, details_of, gateway, post

PROTOCOLS = pytest.mark.parametrize("protocol", [ProtocolType.CONNECT, ProtocolType.GRPC_WEB])


def enveloped(message: bytes, flags: int = 0) -> bytes:
    return struct.pack(">BI", flags, len(message)) + message


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Flags and content of each frame, to the last byte."""
    while data:
        flags, length = struct.unpack(">BI", data[:5])
        assert len(data) >= 5 + length
        yield flags, data[5 : 5 + length]
        data = data[5 + length :]


def trailers(frame: bytes) -> dict[str, str]:
    """Of gRPC-Web: as headers of HTTP/1."""
    return dict(line.split(": ", 1) for line in frame.decode().split("\r\n") if line)


def test_a_call_as_curl_makes_it(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = StandIn()
        async with gateway(tmp_path, servicer) as served:
            answer = await post(served, "GetStatus")
            assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
            assert answer.json() == {"ready": True, "version": "0.1.0", "headSeq": str(1 << 60)}
            assert answer.headers["cache-control"] == "no-store"
            binary = await post(served, "GetStatus", b"", content_type="application/proto")
            assert pb.GetStatusResponse.FromString(binary.content).head_seq == 1 << 60
        assert {metadata["authorization"] for _, metadata, _ in servicer.seen} == {f"Bearer {TOKEN}"}

    run(play())


def test_whoever_brings_no_token_is_nobody_and_reaches_nobody(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = StandIn()
        async with gateway(tmp_path, servicer) as served:
            given = ("", "Basic YTpi", "Bearer a b", "Bearer ", f"Bearer {'x' * 300}")
            for headers in ({"authorization": each} for each in given):
                answer = await post(served, "GetStatus", token="", **headers)
                assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
                (info,) = details_of(answer.json())
                assert (answer.json()["code"], info.reason) == ("unauthenticated", "TOKEN_MISSING")
            web = await post(
                served, "GetStatus", enveloped(b""), token="", content_type="application/grpc-web"
            )
            found = dict(web.headers)
            if "grpc-status" not in found:
                ((flags, frame),) = frames(web.content)
                found = trailers(frame)
                assert flags == 0x80
            assert found["grpc-status"] == "16"
            assert servicer.seen == []
            answer = await post(served, "GetStatus", token="kct_revoked")
            (info,) = details_of(answer.json())
            assert (answer.status_code, info.reason) == (401, "TOKEN_UNKNOWN")

    run(play())


def test_a_refusal_has_its_details(tmp_path: Path) -> None:
    async def play() -> None:
        async with gateway(tmp_path) as served:
            answer = await post(served, "GetAccount", {"accountId": "nobody"})
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
            assert answer.json()["message"] == "ü: there is no such account"
            (info,) = details_of(answer.json())
            assert (info.domain, info.reason) == ("krakencopy", "ACCOUNT_NOT_FOUND")
            answer = await post(served, "GetAccount")
            info, bad = details_of(answer.json())
            assert (answer.status_code, info.reason) == (400, "FIELD_INVALID")
            assert [each.field for each in bad.field_violations] == ["account_id"]

    run(play())


def test_what_is_no_request_is_refused_here(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = StandIn()
        async with gateway(tmp_path, servicer) as served:
            for body in ({"acount_id": "anna"}, {"account_id": 7}, b"{", b"[]", b'""', b"\xff"):
                answer = await post(served, "GetAccount", body)
                (info,) = details_of(answer.json())
                assert (answer.status_code, info.reason) == (400, "REQUEST_UNREADABLE"), body
            answer = await post(served, "GetAccount", b"\xff\xff", content_type="application/proto")
            assert details_of(answer.json())[0].reason == "REQUEST_UNREADABLE"
            answer = await post(served, "GetAccount", {"account_id": "x" * REQUEST_BYTES_MAX})
            assert (answer.status_code, answer.json()["code"]) == (429, "resource_exhausted")
            assert (await post(served, "NoSuchMethod")).status_code == 404
            for kind in (
                "text/plain",
                "application/grpc",
                "application/grpc+proto",
                "application/grpc-web-text",
            ):
                assert (await post(served, "GetStatus", content_type=kind)).status_code == 415
            assert (await post(served, "GetStatus", content_type="application/json; charset=utf-8")).ok
            async with (
                aiohttp.ClientSession() as session,
                session.get(
                    f"{served.url}/{SERVICE.full_name}/GetStatus?message=%7B%7D&encoding=json"
                ) as got,
            ):
                assert got.status == 405
        assert [name for name, _, _ in servicer.seen] == ["GetStatus"]

    run(play())


def test_a_deadline_goes_on_and_holds_here(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = StandIn()
        async with gateway(tmp_path, servicer) as served:
            answer = await post(served, "GetReport", connect_timeout_ms="300")
            assert (answer.status_code, answer.json()["code"]) == (504, "deadline_exceeded")
            await post(served, "GetStatus", connect_timeout_ms="7000")
            await post(served, "GetStatus")
            answer = await post(served, "GetStatus", connect_timeout_ms="soon")
            assert answer.status_code == 400
        short, given, default = [seconds or 0 for _, _, seconds in servicer.seen]
        assert short < 1 < given < 8 < default < 61

    run(play())


def test_a_call_that_nobody_waits_for_ends_at_the_supervisor(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = StandIn()
        async with gateway(tmp_path, servicer) as served, aiohttp.ClientSession() as session:
            url = f"{served.url}/{SERVICE.full_name}/GetReport"
            headers = {"authorization": f"Bearer {TOKEN}"}
            call = asyncio.create_task(session.post(url, json={}, headers=headers))
            await until("its beginning", lambda: servicer.waiting)
            call.cancel()
            await until("its end", lambda: not servicer.waiting)

    run(play())


def test_one_token_leaves_room_for_others(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = StandIn()
        async with gateway(tmp_path, servicer) as served, aiohttp.ClientSession() as session:

            async def report(token: str) -> int:
                url = f"{served.url}/{SERVICE.full_name}/GetReport"
                headers = {"authorization": f"Bearer {token}"}
                async with session.post(url, json={}, headers=headers) as answer:
                    return answer.status

            calls = [asyncio.create_task(report(TOKEN)) for _ in range(CALLS_OF_ONE_MAX)]
            await until("all of them", lambda: servicer.waiting == CALLS_OF_ONE_MAX)
            assert await report(TOKEN) == 429
            other = asyncio.create_task(report(OTHER))
            await until("the other", lambda: servicer.waiting == CALLS_OF_ONE_MAX + 1)
            servicer.go_on.set()
            assert set(await asyncio.gather(*calls, other)) == {200}

    run(play())


def test_what_nobody_expected_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    servicer = StandIn()

    async def fail(*_: Any) -> Any:
        raise RuntimeError("a secret of the gateway")

    async def fail_watching(*words: Any) -> AsyncIterator[Any]:
        if words:
            raise RuntimeError("a secret of the gateway")
        yield

    monkeypatch.setattr(Upstream, "ask", fail)
    monkeypatch.setattr(Upstream, "watch", fail_watching)

    async def play() -> None:
        async with gateway(tmp_path, servicer) as served:
            answer = await post(served, "GetStatus")
            (info,) = details_of(answer.json())
            assert (answer.status_code, info.reason) == (500, "INTERNAL_FAULT")
            watch = await post(
                served, "WatchFills", enveloped(b"{}"), content_type="application/connect+json"
            )
            assert "secret" not in answer.text + watch.text
            ((_, end),) = frames(watch.content)
            assert details_of(json.loads(end)["error"])[0].reason == "INTERNAL_FAULT"

    run(play())


async def read_stream(served: Gateway, kind: str, message: bytes) -> AsyncIterator[tuple[int, bytes]]:
    """The frames of a watch, each as soon as it is there."""
    url = f"{served.url}/{SERVICE.full_name}/WatchFills"
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": kind}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=enveloped(message), headers=headers) as answer,
    ):
        assert answer.status == 200
        assert answer.headers["content-type"].startswith(kind)
        while head := await answer.content.read(1):
            flags, length = struct.unpack(">BI", head + await answer.content.readexactly(4))
            yield flags, await answer.content.readexactly(length)


def test_a_watch_over_connect_is_one_line_of_json_for_each_fill(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = StandIn()
        async with gateway(tmp_path, servicer) as served:
            stream = read_stream(served, "application/connect+json", b'{"afterSeq": "1"}')
            first, second = await anext(stream), await anext(stream)
            assert (first[0], first[1].count(b"\n")) == (0, 1)
            seqs = [json.loads(message)["fill"]["seq"] for _, message in (first, second)]
            assert seqs == ["2", "3"]
            servicer.go_on.set()
            ((flags, end),) = [each async for each in stream]
            assert (flags, json.loads(end)) == (2, {})
            ((flags, end),) = [
                each
                async for each in read_stream(served, "application/connect+json", b'{"after_seq": 9999999}')
            ]
            error = json.loads(end)["error"]
            assert (flags, error["code"], details_of(error)[0].reason) == (2, "out_of_range", "AFTER_HEAD")

    run(play())


def test_a_watch_over_grpc_web_ends_with_its_trailers(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = StandIn()
        servicer.go_on.set()
        async with gateway(tmp_path, servicer) as served:
            request = pb.WatchFillsRequest(after_seq=1).SerializeToString()
            *messages, (flags, end) = [
                each async for each in read_stream(served, "application/grpc-web+proto", request)
            ]
            fills = [pb.WatchFillsResponse.FromString(message).fill.seq for _, message in messages]
            assert (fills, flags, trailers(end)["grpc-status"]) == ([2, 3], 0x80, "0")
            request = pb.WatchFillsRequest(after_seq=9_999_999).SerializeToString()
            ((flags, end),) = [
                each async for each in read_stream(served, "application/grpc-web+proto", request)
            ]
            found = trailers(end)
            assert (found["grpc-status"], found["grpc-message"]) == ("11", "fills%20end%20before")
            status = status_pb2.Status.FromString(base64.b64decode(found["grpc-status-details-bin"] + "==="))
            info = ErrorInfo()
            assert status.details[0].Unpack(info)
            assert info.reason == "AFTER_HEAD"

    run(play())


def info_of(name: str, kind: StreamType) -> MethodInfo[Any, Any]:
    return MethodInfo(
        name=name, service_name=SERVICE.full_name, input=getattr(pb, f"{name}Request"),
        output=getattr(pb, f"{name}Response"), idempotency_level=IdempotencyLevel.UNKNOWN, stream_type=kind,
    )  # fmt: skip


@PROTOCOLS
def test_a_client_of_both_protocols_is_answered(tmp_path: Path, protocol: ProtocolType) -> None:
    async def play() -> None:
        servicer = StandIn()
        servicer.go_on.set()
        headers = {"authorization": f"Bearer {TOKEN}"}
        account, status = (info_of(name, StreamType.UNARY) for name in ("GetAccount", "GetStatus"))
        async with gateway(tmp_path, servicer) as served:
            client = ConnectClient(
                served.url, protocol=protocol, codec=google_protobuf_binary_codec(), send_compression=None
            )
            answer = await client.execute_unary(
                request=pb.GetStatusRequest(), method=status, headers=headers, timeout_ms=5_000
            )
            assert answer.head_seq == 1 << 60
            with pytest.raises(ConnectError) as raised:
                await client.execute_unary(request=pb.GetAccountRequest(), method=account, headers=headers)
            assert raised.value.code is Code.INVALID_ARGUMENT
            info, bad = raised.value.details
            assert ErrorInfo.FromString(info.message_bytes).reason == "FIELD_INVALID"
            assert BadRequest.FromString(bad.message_bytes).field_violations[0].field == "account_id"
            watch = client.execute_server_stream(
                request=pb.WatchFillsRequest(after_seq=0),
                method=info_of("WatchFills", StreamType.SERVER_STREAM),
                headers=headers,
            )
            assert [each.fill.seq async for each in watch] == [1, 2, 3]
        assert [0 < (left or 0) < 6 for name, _, left in servicer.seen if name == "GetStatus"] == [True]

    run(play())


#: As a page would: the body is read as it comes.
FETCH = """
const [url, token] = process.argv.slice(1);
const head = Buffer.from([0, 0, 0, 0, 2]);
const answer = await fetch(`${url}/krakencopy.v1.ControlService/WatchFills`, {
  method: "POST", body: Buffer.concat([head, Buffer.from("{}")]),
  headers: {"content-type": "application/connect+json", authorization: `Bearer ${token}`},
});
let read = "";
for await (const part of answer.body) {
  read += Buffer.from(part).toString("latin1");
  if (read.includes('"3"')) break;
}
console.log(answer.status, read.match(/"seq": "[0-9]+"/g).join(" "));
process.exit(0);
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_a_watch_by_fetch(tmp_path: Path) -> None:
    async def play() -> None:
        async with gateway(tmp_path) as served:
            node = await asyncio.create_subprocess_exec(
                "node", "--input-type=module", "-e", FETCH, served.url, TOKEN,
                stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            said, _ = await node.communicate()
            assert said.decode() == '200 "seq": "1" "seq": "2" "seq": "3"\n'

    run(play())


def test_the_log_has_no_token(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> None:
        async with gateway(tmp_path) as served:
            await post(served, "GetStatus")
            await post(served, "GetStatus", token="")
            await post(served, "GetAccount", {"account_id": "nobody"}, token=OTHER)
            await post(served, "GetAccount", {"account_id": "broken"}, token=OTHER)

    with caplog.at_level("DEBUG"):
        run(play())
    lines = [record.getMessage() for record in caplog.records if record.name.endswith("gateway.application")]
    assert [line.split(" in ")[0] for line in lines] == [
        "GetStatus: ok", "GetStatus: unauthenticated", "GetAccount: not_found", "GetAccount: unknown",
    ]  # fmt: skip
    assert "kct_" not in caplog.text
