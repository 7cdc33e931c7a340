"""docs/api, from the protos, the permissions and the reasons of refusals.

`python -m tests.support.api_pages` writes it anew; tests/repository/test_api_pages.py fails where it is not
what the sources say.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, MethodDescriptor

from krakencopy.account_proc.contract import refusal_catalogue as catalogue
from krakencopy.supervisor.control.permissions import ALLOWED, PERMISSIONS
from krakencopy.supervisor.control.principals import Role
from tests.support import api_examples, api_parts, refused_statuses
from tests.support.api_texts import GROUPS, INDEX, REASONS, RESERVED, TYPES, WRITTEN, Group

FOLDER = Path(__file__).parents[2] / "docs" / "api"
WIDTH = 110
Type = Descriptor | EnumDescriptor


def wrapped(text: str) -> str:
    """Prose in lines as wide as code."""
    return "\n".join(textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False))


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """A table in Markdown."""
    heads = list(heads)
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def groups() -> dict[str, Group]:
    """The pages of methods by name, with what no page names on one of its request's file."""
    named = {name for group in GROUPS.values() for name in group.methods}
    found = dict(GROUPS)
    for method in api_parts.methods():
        if method.name not in named:
            stem = PurePosixPath(method.input_type.file.name).stem
            before = found.get(stem) or Group(
                stem.replace("_", " ").capitalize(), api_parts.file_comment(method.input_type.file.name), ()
            )
            found[stem] = Group(before.title, before.intro, (*before.methods, method.name))
    return found


class Places:
    """On which page each message and enum is described."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.in_requests: set[str] = set()
        self.types: dict[str, Type] = {}
        users: dict[str, list[str]] = {}
        for page, group in groups().items():
            for name in group.methods:
                method = api_parts.SERVICE.methods_by_name[name]
                for start in (method.input_type, method.output_type):
                    for each in api_parts.reached(start):
                        self.types[each.full_name] = each
                        users.setdefault(each.full_name, []).append(page)
                        if start is method.input_type:
                            self.in_requests.add(each.full_name)
        self.methods_own = {
            each.full_name
            for method in api_parts.methods()
            for each in (method.input_type, method.output_type)
        }
        for name, pages in users.items():
            shared = "enums" if isinstance(self.types[name], EnumDescriptor) else "types"
            self.pages[name] = pages[0] if len(set(pages)) == 1 else shared

    def of_page(self, page: str) -> list[Type]:
        """What is described on a page for itself, by name."""
        found = [
            self.types[name] for name, here in self.pages.items()
            if here == page and name not in self.methods_own
        ]  # fmt: skip
        return sorted(found, key=lambda each: each.full_name)

    def shown(self, field: FieldDescriptor, page: str) -> str:
        """A field's type, with a link to where it is described."""
        words, target = api_parts.type_name(field), api_parts.of_type(field)
        if target is None:
            return f"`{words}`"
        name = target.full_name.removeprefix(api_parts.PACKAGE)
        there = self.pages[target.full_name]
        anchor = f"#{name.lower().replace('.', '')}"
        return words.replace(name, f"[{name}]({'' if there == page else f'{there}.md'}{anchor})")


def _fields(message: Descriptor, places: Places, page: str, *, asks: bool) -> Iterator[str]:
    if not message.fields:
        return
    heads = ["Field", "Type", *(["Bounds"] if asks else []), "Meaning"]
    yield from table(heads, (_field_row(field, places, page, asks=asks) for field in message.fields))


def _field_row(field: FieldDescriptor, places: Places, page: str, *, asks: bool) -> Iterator[str]:
    yield f"`{field.name}`"
    yield places.shown(field, page)
    if asks:
        yield api_parts.bounds(field)
    oneof = field.containing_oneof
    is_optional = oneof is not None and len(oneof.fields) == 1
    choice = "" if oneof is None or is_optional else f" (one of `{oneof.name}`)"
    yield f"{api_parts.comment(message_of(field), field.name)}{' (optional)' if is_optional else choice}"


def message_of(field: FieldDescriptor) -> Any:
    """The message that has a field."""
    return field.containing_type


def _type(found: Type, places: Places, page: str) -> Iterator[str]:
    yield from ("", f"### {found.full_name.removeprefix(api_parts.PACKAGE)}", "")
    yield wrapped(api_parts.comment(found))
    yield ""
    if isinstance(found, EnumDescriptor):
        rows = ((f"`{each.name}`", str(each.number), _of_value(found, each.name)) for each in found.values)
        yield from table(["Value", "Number", "Meaning"], rows)
    else:
        yield from _fields(found, places, page, asks=found.full_name in places.in_requests)


def _of_value(found: EnumDescriptor, name: str) -> str:
    return api_parts.comment(found, name)


def errors(method: MethodDescriptor) -> Mapping[str, dict[str, str]]:
    """Reasons of a method by status, each with a note; not those of every call."""
    found: dict[str, dict[str, str]] = {}
    for error in api_parts.named_errors(method):
        found.setdefault(error.status, {})[error.reason] = error.note
    of_every_call = {reason for _, reason in _of_every_call()}
    for reason in sorted(refused_statuses.of_method(method.name) - of_every_call):
        if not any(reason in reasons for reasons in found.values()):
            for status in refused_statuses.status_of(reason):
                found.setdefault(status, {})[reason] = ""
    return {status: found[status] for status in sorted(found)}


def _of_every_call() -> list[tuple[str, str]]:
    own = {("INVALID_ARGUMENT", "FIELD_INVALID"), ("INVALID_ARGUMENT", "REQUEST_ID_MISSING")}
    return sorted(refused_statuses.of_every_call() | own)


def _errors(method: MethodDescriptor) -> Iterator[str]:
    if refused_statuses.passes_on(method.name):
        yield (
            "* what the account's process refuses: reasons of [orders](reasons.md#orders) and of\n"
            "  [the process](reasons.md#an-accounts-process)"
        )
    for status, reasons in errors(method).items():
        named = [f"`{reason}`{f' ({note})' if note else ''}" for reason, note in reasons.items() if reason]
        line = f"* {status}: {', '.join(named) or 'see the message'}"
        yield "\n".join(textwrap.wrap(line, WIDTH, subsequent_indent="  ", break_long_words=False))


def _method(method: MethodDescriptor, places: Places, page: str) -> Iterator[str]:
    yield from ("", f"## {method.name}", "")
    yield wrapped(api_parts.does(method))
    streams = "; answers with a stream" if method.server_streaming else ""
    yield from ("", f"Permission: `{PERMISSIONS[method.name]}`{streams}.")
    asked, answered = method.input_type, method.output_type
    if asked.fields:
        yield from ("", f"**{asked.name}**", "", *_fields(asked, places, page, asks=True))
    yield from ("", wrapped(f"**{answered.name}**: {api_parts.comment(answered)}"))
    if answered.fields:
        yield from ("", *_fields(answered, places, page, asks=False))
    if errors(method) or refused_statuses.passes_on(method.name):
        yield from ("", "**Errors** beside [those of every call](README.md#errors-of-every-call):", "")
        yield from _errors(method)
    yield from ("", "```sh", api_examples.grpcurl(method), "```", "")
    yield from ("```python", api_examples.python(method), "```")


def group_page(page: str, group: Group, places: Places) -> str:
    """One page of methods."""
    found = [api_parts.SERVICE.methods_by_name[name] for name in group.methods]
    lines = [f"# {group.title}", "", wrapped(group.intro), "", WRITTEN]
    for method in found:
        lines += _method(method, places, page)
    if own := places.of_page(page):
        lines += ["", "## What they are made of"]
        for each in own:
            lines += _type(each, places, page)
    return "\n".join(lines) + "\n"


def types_page(page: str, places: Places) -> str:
    """Messages, or enums, of more than one group."""
    title, intro = TYPES[page]
    lines = [f"# {title}", "", wrapped(intro), "", WRITTEN]
    for each in places.of_page(page):
        lines += _type(each, places, page)
    return "\n".join(lines) + "\n"


def reasons_page() -> str:
    """Every reason, its statuses, what it means and what to do."""
    lines = [REASONS.rstrip("\n"), "", WRITTEN]
    for title, found in (
        ("The request", catalogue.OF_REQUESTS), ("Who calls", catalogue.OF_CALLERS),
        ("ControlService", catalogue.OF_CONTROL),
        ("The gateway", catalogue.OF_GATEWAY), ("Orders", catalogue.OF_ORDERS),
        ("An account's process", catalogue.OF_PROCESSES),
        ("Between supervisor and accounts", catalogue.OF_ACCOUNTS),
    ):  # fmt: skip
        rows = (
            (f"`{reason}`", ", ".join(refused_statuses.status_of(reason)), meaning, remedy)
            for reason, (meaning, remedy) in found.items()
        )
        lines += ["", f"## {title}", "", *table(["Reason", "Status", "What it means", "What to do"], rows)]
    rows = ((f"`{reason}`", *words) for reason, words in RESERVED.items())
    lines += ["", "## Kept for later", ""]
    lines += table(["Reason", "Status", "What it will mean", "What to do"], rows)
    return "\n".join(lines) + "\n"


def _common_errors() -> Iterator[Iterable[str]]:
    for status, reason in _of_every_call():
        meaning, remedy = catalogue.REFUSALS[reason]
        yield (status, f"`{reason}`", meaning, remedy)


def _method_rows() -> Iterator[Iterable[str]]:
    for page, group in groups().items():
        for name in group.methods:
            does = api_parts.does(api_parts.SERVICE.methods_by_name[name])
            first = does.split(". ")[0].rstrip(".")
            yield (f"[{name}]({page}.md#{name.lower()})", f"`{PERMISSIONS[name]}`", f"{first}.")


def index_page() -> str:
    """Where to begin."""
    own = "see [security](../security.md): only its own account"
    roles = ((f"`{role}`", ", ".join(f"`{each}`" for each in sorted(ALLOWED[role])) or own) for role in Role)
    method = api_parts.SERVICE.methods_by_name["GetAccount"]
    pages = (f"* [{group.title}]({page}.md)" for page, group in groups().items())
    return INDEX.format(
        written=WRITTEN,
        pages="\n".join(pages),
        methods="\n".join(table(["Method", "Permission", "What it does"], _method_rows())),
        roles="\n".join(table(["Role", "Permissions"], roles)),
        errors="\n".join(table(["Status", "Reason", "What it means", "What to do"], _common_errors())),
        grpcurl=api_examples.grpcurl(method),
        curl=api_examples.curl(method),
        python=api_examples.python(method),
    )


def render() -> dict[str, str]:
    """All pages, by the name of their file."""
    places = Places()
    pages = {f"{page}.md": group_page(page, group, places) for page, group in groups().items()}
    pages |= {f"{page}.md": types_page(page, places) for page in TYPES}
    return pages | {"README.md": index_page(), "reasons.md": reasons_page()}


def write() -> None:
    """Each page, and no other."""
    FOLDER.mkdir(exist_ok=True)
    pages = render()
    for left in FOLDER.glob("*.md"):
        if left.name not in pages:
            left.unlink()
    for name, text in pages.items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    write()
