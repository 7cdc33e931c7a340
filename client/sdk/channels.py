"""The channels of gRPC that connections call on, for threads and for asyncio alike: how they are dialled, and
what each call carries.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import grpc

from krakencopy.client.sdk.access import Access
from krakencopy.client.sdk.endpoint import Endpoint

OPTIONS: tuple[tuple[str, int], ...] = (
    # gRPC waits 1 s and more between dials by default; a restarted supervisor should be found at once. Its
    # "min" sibling is left alone: that one is how long a dial may take, and a busy supervisor may well take
    # 100 ms.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # A supervisor that froze or whose host vanished ends no connection; without the third option it takes a
    # minute to see.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
)

Metadata = tuple[tuple[str, str], ...]


def metadata_of(access: Access) -> Metadata:
    """What every call carries, on whatever connection: gRPC's own credentials for a token want TLS."""
    return (("authorization", f"Bearer {access.token}"),) if access.token else ()


def credentials_of(endpoint: Endpoint, access: Access) -> grpc.ChannelCredentials | None:
    """For a port; None for a socket, which its mode and its folder's protect. Raises BadInput for files that
    cannot be used.
    """
    if not endpoint.is_remote:
        return None
    found = [access.read(path) for path in (access.ca, access.key, access.certificate)]
    return grpc.ssl_channel_credentials(*found)


def dial(module: ModuleType, endpoint: Endpoint, credentials: grpc.ChannelCredentials | None) -> Any:
    """A channel of ``grpc``, or of ``grpc.aio``."""
    if credentials is None:
        return module.insecure_channel(endpoint.target, OPTIONS)
    return module.secure_channel(endpoint.target, credentials, OPTIONS)
