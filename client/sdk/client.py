"""The client that gives the messages of the API as they are, for the command line. Programs use
sdk/sync_client.py or sdk/async_client.py, over the same calls.

One method for each RPC, named after it. Lists hide their pages, watches go on after a lost connection,
mutations make their own request_id. Threads may share one. Knows nothing of the command line.
"""

from __future__ import annotations

from typing import Self

import grpc

from krakencopy.client.sdk.access import Access
from krakencopy.client.sdk.connection import Connection
from krakencopy.client.sdk.endpoint import Endpoint
from krakencopy.client.sdk.message_methods import MessageMethods
from krakencopy.client.sdk.timeouts import CALL_TIMEOUT_S, PATIENCE_S
from krakencopy.client.sdk.watch_stream import Watch
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

FillWatch = Watch[pb.WatchFillsResponse, nouns.Fill]
CopyWatch = Watch[pb.WatchCopiesResponse, pb.WatchCopiesResponse]
EventWatch = Watch[pb.WatchEventsResponse, nouns.Event]


class KrakenCopy(MessageMethods):
    """A connection to one supervisor, opened with the first call; a context manager.

    ``endpoint`` is ``unix:/path/control.sock``, or ``https://host:port`` by TLS. ``access``: the CA that the
    latter's certificate is from, and the client's own certificate or its token; the environment has what it
    leaves out (KRAKENCOPY_CA, KRAKENCOPY_CERTIFICATE, KRAKENCOPY_KEY, KRAKENCOPY_TOKEN). ``timeout_s`` limits
    each call that doesn't bring its own limit; watches and followed logs have none. A watch that lost its
    connection tries for ``patience_s``. ``channel`` replaces the connection; it belongs to the caller and
    stays open. With ``retries`` a call that failed is asked again where that is safe (sdk/retries.py).

    Every method raises a KrakenCopyError: see sdk/errors.py. BadInput at once for an endpoint that can't be
    one.
    """

    def __init__(
        self,
        endpoint: str | Endpoint = "unix:data/run/control.sock",
        *,
        timeout_s: float = CALL_TIMEOUT_S,
        patience_s: float = PATIENCE_S,
        channel: grpc.Channel | None = None,
        access: Access | None = None,
        retries: bool = False,
    ) -> None:
        self._connection = Connection(
            endpoint,
            timeout_s=timeout_s,
            patience_s=patience_s,
            channel=channel,
            access=access,
            retries=retries,
        )
        self.endpoint = self._connection.endpoint

    def close(self) -> None:
        """End the connection, and every watch on it."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
