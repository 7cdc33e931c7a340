"""The words of docs/api that are in no proto: what its pages are, and what the index says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Group:
    """Methods that are described on one page."""

    title: str
    intro: str
    methods: tuple[str, ...]


#: By the name of the page. A method that is on none is described on a page of the file of its request.
GROUPS: Mapping[str, Group] = {
    "accounts": Group(
        "Accounts and processes",
        "How the whole and each account stands, and which processes run. An account is named by its id in "
        "the configuration.",
        (
            "GetStatus", "ListAccounts", "GetAccount", "StartAccount", "StopAccount", "RestartAccount",
            "PauseAccount", "ResumeAccount", "GetNonce", "Shutdown",
        ),
    ),
    "trading": Group(
        "What may be traded",
        "Stopping and allowing trade, selling what copying bought, limits to losses, and bringing users to "
        "the master's positions.",
        (
            "SetTradingState", "FlattenAccounts", "ListLimits", "ResetLimit", "ResyncAccount",
            "RenameAsset",
        ),
    ),
    "fills": Group(
        "Fills and copies",
        "The master's fills, and what every user made of them. A watch goes on after the number that it is "
        "given, so that nothing is missed and nothing comes twice.",
        (
            "ListFills", "WatchFills", "ListCopies", "WatchCopies", "ExplainFill", "CopyFill", "GetReport",
        ),
    ),
    "orders": Group(
        "Orders",
        "Orders of the master, and open orders of any account at Kraken.",
        ("PlaceOrder", "ListOrders", "GetOrder", "CancelOrder", "CancelOrders"),
    ),
    "events": Group(
        "Events and logs",
        "What happened, as events with stable codes ([events](../events.md)), and the lines of the logs.",
        ("ListEvents", "WatchEvents", "ReadLog"),
    ),
    "settings": Group(
        "Reload and settings",
        "Reading the configuration again, and values of the copy rules that are set while it runs.",
        ("Reload", "SetSettings"),
    ),
}  # fmt: skip
TYPES: Mapping[str, tuple[str, str]] = {
    "types": ("Messages", "Messages that methods of more than one page answer with or take, by name."),
    "enums": ("Enums", "Enums of more than one page, by name. The first value of each is never sent."),
}
#: What the protos promise already, and no code gives yet.
RESERVED: Mapping[str, tuple[str, str, str]] = {
    "COMPACTED": (
        "OUT_OF_RANGE",
        "a watch is to begin after what was deleted; the journal keeps everything so far",
        "list what there is, and watch from there",
    ),
}
WRITTEN = "The page is written by `.venv/bin/python -m tests.support.api_pages` from the sources."
REASONS = """# Reasons of refused calls

A call that is refused carries one of these as the reason of google.rpc.ErrorInfo, of the domain `krakencopy`.
Where fields of the request are wrong, google.rpc.BadRequest names each of them. Reasons are an interface:
they are added, and neither renamed nor given another meaning. Which ones a method has is on the method's
page. What gRPC itself refuses has none: an RPC that is not there (UNIMPLEMENTED), a deadline that has passed
(DEADLINE_EXCEEDED), a supervisor that ends (UNAVAILABLE).
"""
INDEX = """# The control API

What krakencopyd answers to operators and other services: `krakencopy.v1.ControlService`, over gRPC. Its
protos are in [protos/krakencopy/v1](../../protos/krakencopy/v1/control.proto), and what may change in them is
in [contributing](../contributing.md#what-may-change-in-the-api).

{written}

{pages}
* [Messages](types.md) and [enums](enums.md) that several of these use
* [Reasons](reasons.md) of refused calls, and [codes](../events.md) of events

## Calling it

The supervisor listens on `run/control.sock` in its state folder. The front answers reflection, both
`grpc.reflection.v1` and `v1alpha`, so tools need no protos:

```sh
{grpcurl}
buf curl --unix-socket data/run/control.sock --http2-prior-knowledge --protocol grpc --list-methods \\
    http://localhost
```

From elsewhere it is a port with TLS 1.3, for who has a certificate or a token
([operations](../operations.md#access-from-elsewhere)):

```sh
grpcurl -cacert ca.pem -H "authorization: Bearer $TOKEN" box.example.org:7443 \\
    krakencopy.v1.ControlService/GetStatus
```

In Python, with the stubs of the package; examples on these pages go on from here. `krakencopy.client` has
all of it as an SDK.

```python
import grpc

from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import control_pb2_grpc

channel = grpc.insecure_channel("unix:data/run/control.sock")
control = control_pb2_grpc.ControlServiceStub(channel)
print({python})
```

Over HTTP, through [the gateway](../operations.md#the-gateway), by Connect's JSON or gRPC-Web:

```sh
{curl}
```

In other languages a client is generated from the protos, by `buf generate` or protoc. Those in
[TypeScript](../../tests/clients/typescript/client.ts) and [Go](../../tests/clients/go/client.go) follow fills
over lost connections and place orders; tests build them and run them against a supervisor.

## Rules that hold everywhere

* Decimals (prices, volumes, amounts, ratios) are texts such as `"0.005"`, never floats and never in
  scientific notation. Volumes are in the base asset of a pair, prices and notionals in its quote.
* Pairs are written as Kraken's WebSocket v2 does, `BTC/USD`; in requests any spelling is taken.
* 64-bit numbers (`seq`, `change`) are texts in protobuf's JSON.
* What changes something takes a `request_id`: the same id gives the same answer and does nothing more. Ask
  again with it after a lost connection.
* A list has `page_size` (0 means 100, at most 1,000) and `page_token`; a page without `next_page_token` is
  the last.
* A watch starts after the number that it is given, 0 for all, and without one with what is new. After a lost
  connection, go on from the last number that came.
* What a request may hold is in the column *Bounds*; what is outside is refused before anything is done.

## Health

`grpc.health.v1` (`Check`, `Watch`, `List`) knows two services. The empty name is the front: SERVING while it
answers. `krakencopy.v1.ControlService` is SERVING while a supervisor answers behind it, and NOT_SERVING while
a run waits for room on the disk. Accounts are no services: who may see one is said by roles, which health
does not know. How an account stands is in [GetAccount](accounts.md#getaccount), and
[WatchEvents](events.md#watchevents) says when that changes.

## Who may call what

{roles}

{methods}

## Errors of every call

Beside those that a method names, any call may be refused with these:

{errors}
"""
