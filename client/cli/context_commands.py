"""`krakencopy context add|use|list|show|remove`. They are given what the commands of client/cli/commands.py
are, and dial nobody.
"""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from krakencopy.client.cli.contexts import FIELDS, Context, Contexts, change
from krakencopy.client.cli.output import Output
from krakencopy.client.cli.target import apply_context, choose, known_contexts, path_of
from krakencopy.client.sdk.access import Access
from krakencopy.client.sdk.endpoint import ENDPOINT_VARIABLE, choose_endpoint, parse_endpoint
from krakencopy.client.sdk.errors import BadInput, ExitCode
from krakencopy.client.views.table import Column, pairs, table

Connect = Callable[[], Any]


def context(arguments: Namespace, _connect: Connect, out: Output) -> ExitCode:
    """`context add|use|list|show|remove`."""
    _ACTIONS[arguments.action](arguments, out)
    return ExitCode.DONE


def _add(arguments: Namespace, out: Output) -> None:
    named = _named(arguments)
    name = arguments.name
    change(path_of(os.environ), lambda known: known.with_context(name, named))
    _say(out, f"context {name}: {named.endpoint}; make it the current one: krakencopy context use {name}")


def _named(arguments: Namespace) -> Context:
    """What is to be kept, checked; also from another folder it means the same. Raises BadInput."""
    if bool(arguments.endpoint) == bool(arguments.state_dir):
        raise BadInput("where is it? give either --endpoint or --state-dir")
    endpoint = choose_endpoint(arguments.endpoint, None, arguments.state_dir)
    Access(arguments.ca, arguments.certificate, arguments.key).checked(endpoint)
    files = {name: getattr(arguments, name) for name in FIELDS[1:] if getattr(arguments, name) is not None}
    for name, path in files.items():
        if not path.is_file():
            raise BadInput(f"--{name.replace('_', '-')}: there is no file {path}")
    text = str(endpoint)
    if endpoint.socket_path is not None:
        text = str(parse_endpoint(f"unix:{endpoint.socket_path.absolute()}"))
    return Context(text, **{name: str(path.absolute()) for name, path in files.items()})


def _use(arguments: Namespace, out: Output) -> None:
    name = "" if arguments.none else arguments.name

    def step(known: Contexts) -> Contexts:
        if name:
            known.get(name)
        return Contexts(known.contexts, name)

    known = change(path_of(os.environ), step)
    meant = f"{name}: {known.get(name).endpoint}" if name else "no context is the current one any more"
    _say(out, f"current context {meant}" if name else meant)


def _remove(arguments: Namespace, out: Output) -> None:
    was_current = known_contexts(os.environ).current == arguments.name
    change(path_of(os.environ), lambda known: known.without(arguments.name))
    _say(out, f"context {arguments.name} is forgotten" + ("; no context is current" if was_current else ""))


def _list(_arguments: Namespace, out: Output) -> None:
    known = known_contexts(os.environ)
    found = [_object(name, each, is_current=name == known.current) for name, each in known.contexts.items()]
    if out.as_data:
        out.objects(map(json.dumps, found), ("name", "current", *FIELDS), str)
    elif not found:
        out.lines(["there are no contexts; krakencopy context add NAME --endpoint E adds one"])
    else:
        rows = [["*" if each["current"] else "", str(each["name"]), str(each["endpoint"])] for each in found]
        out.lines(table([Column(""), Column("CONTEXT"), Column("ENDPOINT")], rows, out.room))


def _show(arguments: Namespace, out: Output) -> None:
    choice = choose(arguments, os.environ)
    apply_context(arguments, os.environ)
    endpoint = choose_endpoint(arguments.endpoint, os.environ.get(ENDPOINT_VARIABLE), arguments.state_dir)
    holds = {"name": choice.name, "why": choice.why, "endpoint": str(endpoint)}
    holds |= {name: str(getattr(arguments, name) or "") for name in FIELDS[1:]}
    if out.as_data:
        out.objects([json.dumps(holds)], tuple(holds), str)
        return
    shown = {"name": "context", "why": "by", "token_file": "token file", "ca": "CA"}
    out.lines(pairs((shown.get(name, name), value) for name, value in holds.items()))


def _object(name: str, each: Context, *, is_current: bool) -> dict[str, object]:
    return {"name": name, "current": is_current, **{field: getattr(each, field) for field in FIELDS}}


def _say(out: Output, text: str) -> None:
    """For people: the file itself is all that programs need."""
    if not out.as_data:
        out.lines([text])


_ACTIONS: dict[str, Callable[[Namespace, Output], None]] = {
    "add": _add,
    "use": _use,
    "list": _list,
    "show": _show,
    "remove": _remove,
}
