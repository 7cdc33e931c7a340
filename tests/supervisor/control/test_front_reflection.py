"""Reflection by both of its names, over real gRPC: by calls of our own, and by a tool of others."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_status import rpc_status

from krakencopy.supervisor.control.front_reflection import ALPHA, NAMES, V1, answer_to
from krakencopy.v1 import control_pb2_grpc
from tests.support.front import SMALL_WINDOW, front, run

Asked = reflection_pb2.ServerReflectionRequest
VERSIONS = pytest.mark.parametrize("package", [V1, ALPHA])
_Servicer: Any = control_pb2_grpc.ControlServiceServicer


@asynccontextmanager
async def channel_to(folder: Path) -> AsyncIterator[grpc.aio.Channel]:
    path = folder / "s"
    async with front(path, _Servicer()), grpc.aio.insecure_channel(f"unix:{path}", SMALL_WINDOW) as channel:
        yield channel


def call(channel: grpc.aio.Channel, package: str, messages: list[bytes]) -> Any:
    """As bytes: v1's are those of v1alpha."""
    ask: Any = channel.stream_stream(
        f"/{package}.ServerReflection/ServerReflectionInfo",
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    return ask(iter(messages))


def asked(*requests: Any) -> list[bytes]:
    return [request.SerializeToString() for request in requests]


@VERSIONS
def test_services_and_their_files_are_told_and_understood_by_nothing_else(
    tmp_path: Path, package: str
) -> None:
    async def play() -> None:
        async with channel_to(tmp_path) as channel:
            questions = asked(
                Asked(list_services=""),
                *(Asked(file_containing_symbol=name) for name in NAMES),
                Asked(file_containing_symbol="krakencopy.v1.NoSuchService"),
            )
            listed, *files, unknown = [each async for each in call(channel, package, questions)]
        assert {each.name for each in listed.list_services_response.service} == set(NAMES)
        for name, found in zip(NAMES, files, strict=True):
            pool = descriptor_pool.DescriptorPool()
            protos = [
                descriptor_pb2.FileDescriptorProto.FromString(proto)
                for proto in found.file_descriptor_response.file_descriptor_proto
            ]
            while protos:  # in whatever order they come
                for proto in list(protos):
                    if not {other.name for other in protos} & set(proto.dependency):
                        pool.Add(proto)
                        protos.remove(proto)
            assert pool.FindServiceByName(name).methods
        assert unknown.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]

    run(play())


@VERSIONS
@pytest.mark.parametrize(
    ("message", "status", "reason"),
    [
        (b"\xff\xff", grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_UNREADABLE"),
        (bytes(70_000), grpc.StatusCode.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE"),
    ],
)
def test_what_is_no_request_is_refused(
    tmp_path: Path, package: str, message: bytes, status: grpc.StatusCode, reason: str
) -> None:
    async def play() -> None:
        async with channel_to(tmp_path) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await anext(aiter(call(channel, package, [message])))
            found: Any = raised.value
            assert found.code() is status
            whole = rpc_status.from_call(found)
            info = error_details_pb2.ErrorInfo()
            assert whole is not None
            assert whole.details[0].Unpack(info)
            assert info.reason == reason

    run(play())


def test_an_empty_question_is_answered_with_an_error() -> None:
    assert answer_to(Asked()).error_response.error_code == grpc.StatusCode.INVALID_ARGUMENT.value[0]


@pytest.mark.parametrize("protocol", ["grpc-v1", "grpc-v1alpha"])
def test_a_tool_without_protos_finds_the_methods(tmp_path: Path, protocol: str) -> None:
    async def play() -> None:
        async with channel_to(tmp_path):
            buf = await asyncio.create_subprocess_exec(
                str(Path(sys.executable).with_name("buf")), "curl", "--unix-socket", str(tmp_path / "s"),
                "--http2-prior-knowledge", "--protocol", "grpc", "--reflect-protocol", protocol,
                "--list-methods", "http://localhost",
                stdout=asyncio.subprocess.PIPE, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
            )  # fmt: skip
            listed, _ = await buf.communicate()
            assert buf.returncode == 0
            methods = listed.decode().split()
            assert "krakencopy.v1.ControlService/GetStatus" in methods
            assert f"{V1}.ServerReflection/ServerReflectionInfo" in methods

    run(play())
