"""The client that gives the messages of the API as they are."""

from __future__ import annotations

import grpc

from krakencopy.client.sdk.access import Access
from krakencopy.client.sdk.connection import Connected, Connection
from krakencopy.client.sdk.endpoint import Endpoint
from krakencopy.client.sdk.message_methods import MessageMethods
from krakencopy.client.sdk.timeouts import CALL_TIMEOUT_S, PATIENCE_S
from krakencopy.client.sdk.watch_stream import Watch
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

FillWatch = Watch[pb.WatchFillsResponse, nouns.Fill]
CopyWatch = Watch[pb.WatchCopiesResponse, pb.WatchCopiesResponse]
EventWatch = Watch[pb.WatchEventsResponse, nouns.Event]


class MessageClient(Connected, MessageMethods):
    """``KrakenCopy`` without its values: the same methods, and each gives the protobuf message that the
    supervisor has answered with. Lists hide their pages, watches go on after a lost connection, changes make
    their own request id; a call is made once.

    For what hands answers on as they came, as JSON or a page, and for what has to start fast: no class of
    values is imported. That is the `krakencopy` command. Every other program uses ``KrakenCopy`` or
    ``AsyncKrakenCopy``: there a decimal is a Decimal and not a text, what is not known is None and not empty,
    and a call that failed is asked again where that is safe.

    The parameters are those of ``KrakenCopy``, which says what they mean. Threads may share one. Every method
    raises a KrakenCopyError; BadInput at once for an endpoint that can't be one.
    """

    def __init__(
        self,
        endpoint: str | Endpoint = "unix:data/run/control.sock",
        *,
        timeout_s: float = CALL_TIMEOUT_S,
        patience_s: float = PATIENCE_S,
        channel: grpc.Channel | None = None,
        access: Access | None = None,
    ) -> None:
        self._connection = Connection(
            endpoint,
            timeout_s=timeout_s,
            patience_s=patience_s,
            channel=channel,
            access=access,
            retries=False,
        )
