"""Which system a command is about: by its own words, the environment, a context, or a default folder."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from krakencopy.client.sdk.endpoint import ENDPOINT_VARIABLE
from krakencopy.client.sdk.errors import BadInput

if TYPE_CHECKING:
    from krakencopy.client.cli.contexts import Context, Contexts

CONTEXT_VARIABLE = "KRAKENCOPY_CONTEXT"


def path_of(environment: Mapping[str, str]) -> Path:
    """Where contexts are kept (XDG Base Directory Specification: a relative folder does not count). Raises
    BadInput for a user without a home.
    """
    named = environment.get("XDG_CONFIG_HOME", "")
    try:
        folder = Path(named) if named.startswith("/") else Path.home() / ".config"
    except RuntimeError:
        raise BadInput("this user has no home in which contexts are kept; set XDG_CONFIG_HOME") from None
    return folder / "krakencopy" / "contexts.toml"


def _have_contexts(environment: Mapping[str, str]) -> bool:
    """Whether there is a file of them, as far as this user can see."""
    with suppress(BadInput, OSError):
        return path_of(environment).exists()
    return False


def known_contexts(environment: Mapping[str, str]) -> Contexts:
    """All of them. Raises BadInput where the file cannot be used."""
    from krakencopy.client.cli.contexts import read  # who has none need not wait for it

    return read(path_of(environment))


class Choice(NamedTuple):
    """What holds, and why. Without a context it is by the rest of the arguments."""

    why: str
    name: str = ""
    context: Context | None = None


def choose(arguments: Namespace, environment: Mapping[str, str]) -> Choice:
    """What is named on the line comes before what the environment names, and that before the file's current
    context. Raises BadInput, also where two are named on the line: nobody must order where they did not mean.
    """
    by_line = "--endpoint" if arguments.endpoint else "--state-dir" if arguments.state_dir else ""
    if arguments.context:
        if by_line:
            raise BadInput(f"--context and {by_line} both say which system is meant; leave one of them out")
        return _of_name(arguments.context, "--context", environment)
    if arguments.endpoint:
        return Choice("--endpoint")
    if environment.get(ENDPOINT_VARIABLE):
        return Choice(f"{ENDPOINT_VARIABLE} in the environment")
    if by_line:
        return Choice(by_line)
    if name := environment.get(CONTEXT_VARIABLE):
        return _of_name(name, f"{CONTEXT_VARIABLE} in the environment", environment)
    if _have_contexts(environment) and (known := known_contexts(environment)).current:
        return Choice("the current context", known.current, known.get(known.current))
    return Choice("the default folders")


def _of_name(name: str, why: str, environment: Mapping[str, str]) -> Choice:
    return Choice(why, name, known_contexts(environment).get(name))


def apply_context(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Completes the arguments by the context that holds, if one does: its endpoint, and of how one is known
    there what the line does not say itself. Raises BadInput.
    """
    choice = choose(arguments, environment)
    if choice.context is None:
        return
    context = choice.context
    arguments.context_name, arguments.context = choice.name, None
    arguments.endpoint = context.endpoint
    if arguments.certificate is None and arguments.key is None:
        arguments.certificate, arguments.key = _path(context.certificate), _path(context.key)
    arguments.ca = arguments.ca or _path(context.ca)
    arguments.token_file = arguments.token_file or _path(context.token_file)


def _path(text: str) -> Path | None:
    return Path(text) if text else None
