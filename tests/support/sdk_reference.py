"""docs/sdk-reference.md, written from the docstrings of the SDK and the comments of the protos."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor import Descriptor

from krakencopy.client import AsyncKrakenCopy, AsyncWatch, KrakenCopy, Watch
from krakencopy.client.sdk import errors
from krakencopy.client.sdk.async_streams import AsyncItems, AsyncLines
from krakencopy.client.sdk.error_classes import CLASSES
from krakencopy.client.sdk.errors import KrakenCopyError
from krakencopy.client.sdk.value import Value
from tests.support.sdk_methods import SHAPES, Method, methods, typed
from tests.support.sdk_reasons import described
from tests.support.sdk_values import answers, comments, enums, kind_of, short

PAGE = Path(__file__).parents[2] / "docs" / "sdk-reference.md"
WIDTH = 110

HEAD = """# SDK reference

Made from the docstrings of the SDK and from the protos: `.venv/bin/python -m tests.support.sdk` writes it
anew. The guide is [sdk.md](sdk.md).

All names that a program needs are imported from `krakencopy`: the clients, the errors, all enums, and the
values that code names most. The other values are in `krakencopy.client.sdk.generated.values`.
"""
METHODS = """## Methods

`KrakenCopy` and `AsyncKrakenCopy` have the same methods with the same parameters. What a method gives is said
for both: `await` where it is one answer, `async for` where it is a list, a watch or a log.
"""
VALUES = """## Values

Properties of what methods give, all read-only. `| None`: not known, or not there. The message itself is
`raw`.
"""
ERRORS = """## Errors

```text
{tree}
```

A reason of the server's is `error.reason`, what it means and what to do `error.meaning` and `error.remedy`.
Where no class is named it is that of the kind of call: NotFound, Refused, BadInput, Unavailable or
ServerFault.

| Reason | Class | What it means | What to do |
|---|---|---|---|
"""


def prose(text: str) -> Iterator[str]:
    """A docstring in Markdown, wrapped; doctests are blocks of code."""
    for part in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        yield ""
        if part.startswith(">>>"):
            yield from ("```pycon", part, "```")
        else:
            yield from textwrap.wrap(" ".join(part.replace("``", "`").split()), WIDTH, break_long_words=False)


def parameters(method: Method) -> str:
    """A signature as a call: what has to be given, and what may be with its default."""
    signature = re.sub(r"(?<=[\w\]])=(?=\S)", " = ", method.signature)
    return signature.replace("nouns.CopyState.ValueType | ", "").replace(" | nouns.CopyState.ValueType", "")


def gives(method: Method) -> str:
    """What a method gives by both clients."""
    item = typed(method.item)
    raw = method.raw.partition(".")[2]
    found = [shape.format(item=item, raw=raw) for shape in SHAPES[method.shape]]
    return " or ".join(f"`{each}`" for each in dict.fromkeys(found))


def of_methods() -> Iterator[str]:
    """All methods, by what they are about."""
    subject = ""
    for method in methods():
        if method.module != subject:
            subject = method.module
            yield from ("", f"### {subject.removesuffix('_calls').capitalize()}")
        call = f"{method.name}({parameters(method)})"
        yield from ("", f"#### {method.name}", "", "```python")
        yield from textwrap.wrap(call, WIDTH - 4, subsequent_indent="    ")
        yield "```"
        yield from prose(method.doc)
        yield from ("", *textwrap.wrap(f"Gives {gives(method)}.", WIDTH, break_on_hyphens=False))


def of_values() -> Iterator[str]:
    """All values, by name."""
    for message in sorted(answers(), key=lambda each: each.name):
        yield from ("", f"### {message.name}")
        yield from prose(comments()[message.full_name])
        yield from fields(message)


def fields(message: Descriptor) -> Iterator[str]:
    """The properties of a value."""
    if message.fields:
        yield from ("", "| Property | Type | What it is |", "|---|---|---|")
    for field in message.fields:
        kind = kind_of(field).replace("|", "\\|")
        words = comments()[field.full_name].replace("|", "\\|")
        yield f"| `{field.name}` | `{kind}` | {words} |"


def of_enums() -> Iterator[str]:
    """All enums, by name."""
    for enum in enums():
        yield from ("", f"### {enum.name}")
        yield from prose(comments()[enum.full_name])
        yield from ("", "| Value | What it means |", "|---|---|")
        for value in enum.values:
            yield f"| `{short(enum, value.name)}` | {comments()[f'{enum.full_name}.{value.name}']} |"


def of_errors() -> Iterator[str]:
    """The tree, and each reason."""
    doc = inspect.getdoc(errors) or ""
    tree = textwrap.dedent("\n".join(line for line in doc.splitlines() if line.startswith("    ")))
    yield from ("", *ERRORS.format(tree=tree).rstrip("\n").split("\n"))
    for reason, (meaning, remedy) in described().items():
        kind = "NotFound" if reason.endswith("_NOT_FOUND") else getattr(CLASSES.get(reason), "__name__", "")
        yield f"| `{reason}` | {kind} | {meaning} | {remedy} |"


def render() -> str:
    """The whole page."""
    lines = [HEAD.rstrip("\n"), "", "## Clients"]
    for kind in (KrakenCopy, AsyncKrakenCopy, Watch, AsyncWatch, AsyncItems, AsyncLines, Value):
        lines += ["", f"### {kind.__name__}", *prose(kind.__doc__ or "")]
    lines += ["", METHODS.rstrip("\n"), *of_methods()]
    lines += [*of_errors(), "", "### KrakenCopyError", *prose(KrakenCopyError.__doc__ or "")]
    lines += ["", VALUES.rstrip("\n"), *of_values(), "", "## Enums", *of_enums()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render())
