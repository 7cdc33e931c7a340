#!/usr/bin/env bash
# An asyncio server on a socket of socket.create_server answers 40 ms later than on one that asyncio makes.
#
# One would expect: asyncio switches Nagle's algorithm off (TCP_NODELAY) on every TCP connection, as its page
#   says, however the listening socket was made.
# What happens: it does so only where socket.proto is IPPROTO_TCP. socket.create_server, and socket.socket()
#   without a third argument, make sockets with proto 0, which accepted ones inherit. An answer in two writes
#   (head, then body) then waits for the client's delayed acknowledgement: 40 ms each, on an idle machine, on
#   loopback. Whoever binds the socket first, to say early that a port is taken or to hand it to a worker, and
#   gives it to loop.create_server(sock=...) or to uvicorn's serve(sockets=[...]), has it.
# Version: CPython 3.11.7, Linux.
# Source: _set_nodelay in Lib/asyncio/base_events.py.
# Whom it bites: HTTP and gRPC servers in Python that take a socket. It looks like a slow machine.
# Here: client/gateway/connection.py sets TCP_NODELAY itself; before, each call through the gateway took 44 ms
#   instead of 2.
set -euo pipefail
python3 - <<'PY'
import asyncio
import socket
import statistics
import time

CALLS = 30


class Answers(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(b"head")
        self.transport.write(b"body")


async def median_ms(listener, set_nodelay):
    made = (lambda: Delayless()) if set_nodelay else Answers
    server = await asyncio.get_running_loop().create_server(made, sock=listener)
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    took = []
    for _ in range(CALLS):
        began = time.perf_counter()
        writer.write(b"?")
        await reader.readexactly(8)
        took.append((time.perf_counter() - began) * 1000)
    writer.close()
    server.close()
    return statistics.median(took)


class Delayless(Answers):
    def connection_made(self, transport):
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def with_protocol():
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


async def main():
    plain = await median_ms(socket.create_server(("127.0.0.1", 0)), set_nodelay=False)
    named = await median_ms(with_protocol(), set_nodelay=False)
    by_hand = await median_ms(socket.create_server(("127.0.0.1", 0)), set_nodelay=True)
    print(f"socket.create_server: {plain:.2f} ms; with IPPROTO_TCP: {named:.2f} ms; set by hand: {by_hand:.2f} ms")
    assert plain > 30 > 10 > max(named, by_hand)


asyncio.run(main())
PY
