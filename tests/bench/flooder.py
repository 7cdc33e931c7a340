"""A local client that misuses the control socket, as a process of its own: ``python -m tests.bench.flooder
SOCKET KIND``. It says "ready" in one line when it has begun, and goes on until it is killed.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import grpc

from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import control_pb2_grpc

#: Threads that ask in a tight loop.
THREADS = 4
#: Connections whose streams nobody reads, and streams of each.
UNREAD_CONNECTIONS, UNREAD_STREAMS = 10, 50
#: After a connection that was refused, in seconds.
REFUSED_PAUSE_S = 0.005


def ask_without_end(path: str) -> None:
    """Status calls in a tight loop."""
    with grpc.insecure_channel(f"unix:{path}", [("grpc.use_local_subchannel_pool", 1)]) as channel:
        stub = control_pb2_grpc.ControlServiceStub(channel)
        while True:
            with suppress(grpc.RpcError):
                stub.GetStatus(pb.GetStatusRequest(), timeout=5)


def cancel_without_end(path: str) -> None:
    """Streams that are opened and cancelled at once."""
    with grpc.insecure_channel(f"unix:{path}", [("grpc.use_local_subchannel_pool", 1)]) as channel:
        stub = control_pb2_grpc.ControlServiceStub(channel)
        while True:
            streams = [stub.WatchEvents(pb.WatchEventsRequest(after_seq=0)) for _ in range(10)]
            time.sleep(0.001)
            for stream in streams:
                stream.cancel()


def send_garbage(path: str) -> None:
    """Connections that begin with noise, or with a good preface and then noise."""
    noise = os.urandom(16_384)
    begins = (b"", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    number = 0
    while True:
        number += 1
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            try:
                client.connect(path)
                client.sendall(begins[number % 2] + noise)
                while client.recv(4_096):
                    pass
            except OSError:
                time.sleep(REFUSED_PAUSE_S)


def leave_unread(path: str) -> None:
    """Many streams, from the beginning of the journal, none of which is ever read."""
    kept = []
    for _ in range(UNREAD_CONNECTIONS):
        channel = grpc.insecure_channel(f"unix:{path}", [("grpc.use_local_subchannel_pool", 1)])
        stub = control_pb2_grpc.ControlServiceStub(channel)
        kept.append((channel, [
            watch
            for _ in range(UNREAD_STREAMS // 2)
            for watch in (
                stub.WatchEvents(pb.WatchEventsRequest(after_seq=0)),
                stub.WatchFills(pb.WatchFillsRequest(after_seq=0)),
            )
        ]))  # fmt: skip
    threading.Event().wait()


#: What a flooding client does, by name, and in how many threads.
KINDS: dict[str, tuple[Callable[[str], None], int]] = {
    "status calls": (ask_without_end, THREADS),
    "streams cancelled": (cancel_without_end, 1),
    "garbage frames": (send_garbage, THREADS),
    "streams not read": (leave_unread, 1),
}


def main() -> None:
    """For ever."""
    path, kind = sys.argv[1:]
    flood, threads = KINDS[kind]
    for _ in range(threads):
        threading.Thread(target=flood, args=(path,), daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main()
