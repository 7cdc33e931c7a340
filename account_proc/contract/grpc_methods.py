"""What the two ends of an account's gRPC have in common: the services, and their methods as grpclib wants
them.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2
from grpclib.config import Configuration
from grpclib.const import Cardinality

from krakencopy.v1 import account_pb2

#: Type stubs of health_pb2 do not know its services, nor List.
health: Any = health_pb2

ACCOUNT_SERVICE = account_pb2.DESCRIPTOR.services_by_name["AccountService"]
HEALTH_SERVICE: ServiceDescriptor = health.DESCRIPTOR.services_by_name["Health"]

#: What may lie unread of one call, and of a whole connection. By grpclib's default both are the same, and one
#: call whose answers nobody reads stops all others.
WINDOWS = Configuration(http2_stream_window_size=1 << 20, http2_connection_window_size=128 << 20)


def signature(method: MethodDescriptor) -> tuple[str, Cardinality, type[Any], type[Any]]:
    """Path, which of request and answer are streams, their types."""
    streams = (method.client_streaming, method.server_streaming)
    return (
        f"/{method.containing_service.full_name}/{method.name}",
        next(kind for kind in Cardinality if (kind.client_streaming, kind.server_streaming) == streams),
        GetMessageClass(method.input_type),
        GetMessageClass(method.output_type),
    )
