"""The client for programs with threads: typed values, watches that go on, calls that are asked again where
that is safe. sdk/async_client.py is the same for asyncio.
"""

from __future__ import annotations

import grpc

from krakencopy.client.sdk.access import Access
from krakencopy.client.sdk.connection import Connected, Connection
from krakencopy.client.sdk.endpoint import Endpoint
from krakencopy.client.sdk.timeouts import CALL_TIMEOUT_S, PATIENCE_S
from krakencopy.client.sdk.typed_methods import TypedMethods


class KrakenCopy(Connected, TypedMethods):
    """A connection to one supervisor, opened with the first call; a context manager. Threads may share one.

    ``endpoint`` is ``unix:/path/control.sock``, or ``https://host:port`` by TLS. ``access``: the CA that the
    latter's certificate is from, and the client's own certificate or its token; the environment has what it
    leaves out (KRAKENCOPY_CA, KRAKENCOPY_CERTIFICATE, KRAKENCOPY_KEY, KRAKENCOPY_TOKEN). ``timeout_s`` limits
    each call that doesn't bring its own limit, with all its attempts; watches and followed logs have none. A
    watch that lost its connection tries for ``patience_s``. Without ``retries`` each call is made once.
    ``channel`` replaces the connection; it belongs to the caller and stays open.

    Every method raises a KrakenCopyError; BadInput at once for an endpoint that can't be one.

    >>> with KrakenCopy(endpoint) as supervisor:
    ...     [account.id for account in supervisor.list_accounts()]
    ['bob']
    """

    def __init__(
        self,
        endpoint: str | Endpoint = "unix:data/run/control.sock",
        *,
        timeout_s: float = CALL_TIMEOUT_S,
        patience_s: float = PATIENCE_S,
        channel: grpc.Channel | None = None,
        access: Access | None = None,
        retries: bool = True,
    ) -> None:
        self._connection = Connection(
            endpoint,
            timeout_s=timeout_s,
            patience_s=patience_s,
            channel=channel,
            access=access,
            retries=retries,
        )
