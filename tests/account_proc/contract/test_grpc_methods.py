"""Methods as grpclib wants them are those of the protos."""

from __future__ import annotations

from grpclib.const import Cardinality

from krakencopy.account_proc.contract.grpc_methods import ACCOUNT_SERVICE, HEALTH_SERVICE, signature
from krakencopy.v1 import account_pb2_grpc


def test_every_method_has_the_path_that_the_generated_stub_asks() -> None:
    paths = {signature(method)[0] for method in ACCOUNT_SERVICE.methods}
    assert paths == {f"/krakencopy.v1.AccountService/{method.name}" for method in ACCOUNT_SERVICE.methods}
    asked = vars(account_pb2_grpc.AccountServiceServicer).keys()
    assert {path.rpartition("/")[2] for path in paths} == {
        name for name in asked if not name.startswith("__")
    }


def test_which_side_streams_is_told_and_the_messages_are_named_for_the_method() -> None:
    for method in ACCOUNT_SERVICE.methods:
        _, cardinality, request, response = signature(method)
        assert cardinality.client_streaming == method.client_streaming
        assert cardinality.server_streaming == method.server_streaming
        assert method.input_type == request.DESCRIPTOR
        assert method.output_type == response.DESCRIPTOR


def test_health_is_asked_once_and_watched() -> None:
    kinds = {method.name: signature(method)[1] for method in HEALTH_SERVICE.methods}
    assert kinds["Check"] is Cardinality.UNARY_UNARY
    assert kinds["Watch"] is Cardinality.UNARY_STREAM
