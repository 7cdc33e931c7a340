#!/usr/bin/env bash
# A stream of connectrpc's that has nothing to say yet does not answer at all.
#
# One would expect: a server-streaming call that was taken answers with its head (200) at once, and its
#   messages come when there are some. So fetch() resolves, and a proxy knows that the server is there.
# What happens: the head is held back until the first message or the end ("to allow logic a chance to add
#   response headers"). A watch on something that is silent looks like a server that hangs: fetch() does not
#   resolve, and a reverse proxy gives up after its time for an answer (nginx: 60 s, 504), which the client
#   cannot distinguish from a failure. There is no way for the handler to send the head.
# Version: connectrpc 0.13.0 (Python) on uvicorn 0.54.0.
# Source: _stream_responses in connectrpc/_server_async.py.
# Whom it bites: pages that follow events behind a proxy: an hour without an event is 60 failures. A first
#   message that means nothing, or a longer time in the proxy, helps.
# Here: client/gateway/early_head.py sends the head itself, a quarter of a second after the call.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check 'connectrpc==0.13.0' \
    'uvicorn==0.54.0' 'protobuf==7.36.2'
"$folder/venv/bin/python" - <<'PY'
import asyncio
import socket

import uvicorn
from connectrpc.compat import google_protobuf_codecs
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.server import ConnectASGIApplication, Endpoint
from google.protobuf.wrappers_pb2 import StringValue

SILENT_S = 2.0
taken, speak = asyncio.Event(), asyncio.Event()


async def watch(request, ctx):
    taken.set()
    await speak.wait()
    yield StringValue(value="first")


class Application(ConnectASGIApplication):
    path = "/demo.Service"


info = MethodInfo(
    name="Watch", service_name="demo.Service", input=StringValue, output=StringValue,
    idempotency_level=IdempotencyLevel.UNKNOWN, stream_type=StreamType.SERVER_STREAM,
)
app = Application(
    service=None, codecs=google_protobuf_codecs(),
    endpoints=lambda _: {"/demo.Service/Watch": Endpoint.server_stream(method=info, function=watch)},
)


async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="critical"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    body = b"\0\0\0\0\x02" + b'""'
    writer.write(
        b"POST /demo.Service/Watch HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/connect+json\r\n"
        + b"content-length: %d\r\n\r\n" % len(body) + body
    )
    await taken.wait()
    try:
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SILENT_S)
    except TimeoutError:
        print(f"the handler has the call, and {SILENT_S:g} s later the client has not a byte of an answer")
    else:
        raise AssertionError("there was a head")
    speak.set()
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    print(f"with the first message: {head.splitlines()[0]}")
    assert head.startswith("HTTP/1.1 200")
    writer.close()
    server.should_exit = True
    await serving


asyncio.run(main())
PY
