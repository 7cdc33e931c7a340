"""`krakencopy gateway`. What it needs beside the rest is imported when it is asked for."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from krakencopy.client.cli.output import Output
from krakencopy.client.cli.target import apply_context
from krakencopy.client.sdk.endpoint import ENDPOINT_VARIABLE, choose_endpoint
from krakencopy.client.sdk.errors import BadInput, ExitCode

#: What `krakencopy[gateway]` brings.
EXTRA = ("connectrpc", "uvicorn")


def gateway(arguments: Namespace, _connect: Callable[[], Any], out: Output) -> ExitCode:
    """`gateway`."""
    from krakencopy.client.gateway.options import read_options

    options = read_options(
        arguments.listen, arguments.allow_host, arguments.allow_origin, arguments.tls_certificate,
        arguments.tls_key,
    )  # fmt: skip
    apply_context(arguments, os.environ)
    endpoint = choose_endpoint(arguments.endpoint, os.environ.get(ENDPOINT_VARIABLE), arguments.state_dir)
    if endpoint.is_remote:
        raise BadInput(f"the gateway stands beside its supervisor, and {endpoint} is no Unix socket")
    # gRPC's C core would write its own log to standard error, beside ours.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        from krakencopy.client.gateway.server import serve
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        raise BadInput(
            f"the gateway needs the package {error.name}: pip install 'krakencopy[gateway]'"
        ) from None
    _log_to_stderr()
    listening = f"serves {endpoint} at"
    asyncio.run(serve(options, endpoint.target, lambda url: out.lines([f"{listening} {url}"])))
    return ExitCode.DONE


def _log_to_stderr() -> None:
    from krakencopy.account_proc.runtime.json_log import JsonFormatter

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter("gateway"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("asyncio", "grpc", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
