"""`krakencopy completion`: a shell's script, and what that asks."""

from __future__ import annotations

import os
import re
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from krakencopy.client.sdk.endpoint import ENDPOINT_VARIABLE, choose_endpoint
from krakencopy.client.sdk.errors import ExitCode, KrakenCopyError

if TYPE_CHECKING:
    from krakencopy.client.sdk.message_client import MessageClient

Connect = Callable[[], "MessageClient"]
#: In the place of a shell: what follows the words behind it.
WORDS = "words"
#: Who waits for a tab waits no longer, in seconds.
ASK_LIMIT_S = 0.5
#: What a shell takes as one word without quotation marks; nothing else is offered, whoever answers.
_ONE_WORD = re.compile(r"[\w.:/@%+=,-]+")


def add_completion(command: Any) -> None:
    """`completion bash|zsh|fish`."""
    sub = command("completion", "completion for your shell, as a script to be read by it")
    sub.add_argument("shell", choices=("bash", "zsh", "fish"), help="which shell reads it")


def asked_words(argv: list[str]) -> Namespace | None:
    """What a script asks, which no parser reads: the words are of a line that may be wrong."""
    if argv[:2] != ["completion", WORDS]:
        return None
    return Namespace(command="completion", shell=WORDS, words=argv[2:])


def completion(arguments: Namespace, connect: Connect, stream: TextIO) -> ExitCode:
    """`completion bash|zsh|fish`; asked for words by a script it is silent where something is wrong. Without
    client/cli/output.py, as whoever has pressed a tab waits for it.
    """
    if arguments.shell != WORDS:
        from krakencopy.client.cli.completion_scripts import SCRIPTS  # a script's own questions need none

        stream.write(SCRIPTS[arguments.shell])
    else:
        stream.writelines(f"{line}\n" for line in sorted(set(_candidates(arguments, connect))))
    return ExitCode.DONE


def _candidates(arguments: Namespace, connect: Connect) -> Iterator[str]:
    from krakencopy.client.cli.access_arguments import NO_ACCESS
    from krakencopy.client.cli.arguments import grammar  # it knows this module
    from krakencopy.client.cli.completion import Kind, complete

    found = complete(grammar(), arguments.words)
    for value, text in found.matches():
        yield f"{value}\t{text}"
    if Kind.FILES in found.kinds:
        yield ":files"
    if not found.kinds - {Kind.FILES}:
        return
    for key, value in found.given.items():
        if key in vars(arguments):
            setattr(arguments, key, Path(value) if key in NO_ACCESS else value)
    arguments.timeout = ASK_LIMIT_S
    for value in _known(found.kinds, arguments, connect):
        if value.startswith(found.prefix) and _ONE_WORD.fullmatch(value):
            yield f"{value}\t"


def _known(kinds: frozenset[str], arguments: Namespace, connect: Connect) -> Iterator[str]:
    """What the system that runs knows; nothing where there is none, or it is too slow."""
    if "contexts" in kinds:
        from krakencopy.client.cli.target import known_contexts  # as above

        with suppress(KrakenCopyError):
            yield from known_contexts(os.environ).contexts
        return
    try:
        if not _may_listen(arguments):
            return
        with connect() as supervisor:
            status = supervisor.get_status()
    except (KrakenCopyError, OSError, ValueError):
        return
    if "accounts" in kinds:
        yield from (account.id for account in status.accounts)
    if "groups" in kinds:
        yield from (group.id for group in status.groups)
    if "pairs" in kinds:
        yield from status.pairs


def _may_listen(arguments: Namespace) -> bool:
    """False where no socket is: gRPC, which would say the same, takes longer to import than all else here.
    Raises BadInput.
    """
    from krakencopy.client.cli.target import apply_context  # as above

    apply_context(arguments, os.environ)
    endpoint = choose_endpoint(arguments.endpoint, os.environ.get(ENDPOINT_VARIABLE), arguments.state_dir)
    return endpoint.socket_path is None or endpoint.socket_path.exists()
