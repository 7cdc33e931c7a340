#!/usr/bin/env bash
# A long error message changes a gRPC call's status code, by chance.
#
# One would expect: a server's context.abort(INVALID_ARGUMENT, text) is INVALID_ARGUMENT at the client,
#   whatever the text; too long a text is cut, or refused where it is written.
# What happens: the message travels percent-encoded in a header, and a client takes headers of up to 8 KiB.
#   Above that it refuses calls by lot, more of them with each byte, and above 16 KiB all: the code is then
#   RESOURCE_EXHAUSTED, and the server's is gone. The same text gives now one code, now the other. A character
#   that is not ASCII counts six bytes, so 1,400 are enough. The server sees nothing of it.
# Version: grpcio 1.85.1, in Python, its own server and client with their defaults.
# Source: GRPC_ARG_MAX_METADATA_SIZE and GRPC_ARG_ABSOLUTE_MAX_METADATA_SIZE in grpc's channel arguments.
# Whom it bites: services that pass on an exchange's text, a list of faults or a traceback as the message. A
#   client that repeats on RESOURCE_EXHAUSTED ("busy") and not on INVALID_ARGUMENT sends a refused order
#   again.
# Here: account_proc/contract/refusals.py keeps what a refusal carries below 7,000 bytes, counted as it
#   travels.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check 'grpcio==1.85.1'
"$folder/venv/bin/python" - <<'PY'
from collections import Counter
from concurrent import futures

import grpc

CALLS = 200
TEXTS = {"300 letters": "x" * 300, "12,000 letters": "x" * 12_000, "20,000 letters": "x" * 20_000,
         "300 umlauts": "ü" * 300, "2,000 umlauts": "ü" * 2_000, "3,000 umlauts": "ü" * 3_000}


class Refuses(grpc.GenericRpcHandler):
    def service(self, details):
        def refuse(request, context):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, TEXTS[request.decode()])

        return grpc.unary_unary_rpc_method_handler(refuse)


server = grpc.server(futures.ThreadPoolExecutor(2))
server.add_generic_rpc_handlers((Refuses(),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
call = grpc.insecure_channel(f"127.0.0.1:{port}").unary_unary("/Orders/Place")
seen = {}
for name in TEXTS:
    codes = Counter()
    for _ in range(CALLS):
        try:
            call(name.encode())
        except grpc.RpcError as error:
            codes[error.code().name] += 1
    seen[name] = set(codes)
    print(f"INVALID_ARGUMENT with {name}, {CALLS} calls: {dict(codes)}")
server.stop(None)
ours, other = {"INVALID_ARGUMENT"}, {"RESOURCE_EXHAUSTED"}
assert seen["300 letters"] == seen["300 umlauts"] == ours
assert seen["12,000 letters"] == seen["2,000 umlauts"] == ours | other
assert seen["20,000 letters"] == seen["3,000 umlauts"] == other
PY
