"""The SDK's values and enums, made from the descriptors of the protos: what client/sdk/generated holds of
them.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from krakencopy.v1 import answers_pb2, control_pb2
from tests.support.sdk_methods import methods

ROOT = Path(__file__).parents[2]
SERVICE = control_pb2.DESCRIPTOR.services_by_name["ControlService"]
PACKAGE = "krakencopy.v1."
WIDTH = 110
GENERATED = "krakencopy.client.sdk.generated"
#: The modules of values: each value is in that of the first subject that holds it, so a module needs only
#: those above it. A subject is one of client/sdk/calls with what its methods give, or has its values named.
SUBJECTS: dict[str, tuple[str, ...]] = {
    "common": ("Money",),
    "key": ("NonceStatus", "NonceReport", "Preflight"),
    **dict.fromkeys(("trading", "limit", "copy", "account"), ()),
}
#: Numbers in descriptor.proto: messages and enums of a file, fields of a message, values of an enum.
_MESSAGE, _ENUM, _PART = 4, 5, 2


@cache
def comments() -> dict[str, str]:
    """The comment of each message, field, enum and value, by its full name."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "all.binpb"
        protos = ROOT / "protos"
        files = [str(path) for path in sorted((protos / "krakencopy" / "v1").glob("*.proto"))]
        subprocess.run(
            [
                sys.executable, "-m", "grpc_tools.protoc", "-I", str(protos), "--include_source_info",
                f"--descriptor_set_out={out}", *files,
            ],
            check=True,
        )  # fmt: skip
        found = FileDescriptorSet.FromString(out.read_bytes())
    names: dict[str, str] = {}
    for file in found.file:
        places = {tuple(at.path): at.leading_comments for at in file.source_code_info.location}
        messages = [(_MESSAGE, each.name, [part.name for part in each.field]) for each in file.message_type]
        kinds = [(_ENUM, each.name, [part.name for part in each.value]) for each in file.enum_type]
        for things in (messages, kinds):
            for index, (kind, thing, parts) in enumerate(things):
                names[f"{file.package}.{thing}"] = places.get((kind, index), "")
                for number, part in enumerate(parts):
                    names[f"{file.package}.{thing}.{part}"] = places.get((kind, index, _PART, number), "")
    return {name: " ".join(text.split()) for name, text in names.items()}


def closure(roots: Iterable[Descriptor]) -> list[Descriptor]:
    """Messages of ours and all that they hold, each after those that it holds itself."""
    found: dict[str, Descriptor] = {}

    def take(message: Descriptor) -> None:
        if message.full_name in found or not message.full_name.startswith(PACKAGE):
            return
        for field in message.fields:
            if field.message_type is not None:
                take(entry(field) or field.message_type)
        if not message.GetOptions().map_entry:
            found[message.full_name] = message

    for root in roots:
        take(root)
    return list(found.values())


@cache
def subjects() -> dict[str, list[Descriptor]]:
    """The values that methods give, by their module."""
    of_answers = closure(method.output_type for method in SERVICE.methods)
    there = {message.name: message for message in of_answers}
    given: dict[str, list[str]] = {}
    for method in methods():
        given.setdefault(method.subject, []).extend(method.messages)
    found: dict[str, list[Descriptor]] = {}
    taken: set[str] = set()
    for subject in dict.fromkeys([*SUBJECTS, *sorted(given)]):
        names = SUBJECTS.get(subject) or given[subject]
        held = [message for message in closure(map(there.__getitem__, names)) if message.name not in taken]
        found[subject] = held
        taken.update(message.name for message in held)
    return found


def answers() -> list[Descriptor]:
    """All messages that methods give, each after those that it holds itself."""
    return [message for messages in subjects().values() for message in messages]


def entry(field: FieldDescriptor) -> Descriptor | None:
    """The message of a map's values; None for another field, and of a map of plain values."""
    if field.message_type is None or not field.message_type.GetOptions().map_entry:
        return None
    return field.message_type.fields_by_name["value"].message_type


def enums() -> list[EnumDescriptor]:
    """All enums that answers and requests hold, by name."""
    found: dict[str, EnumDescriptor] = {}
    for message in (*answers(), *(method.input_type for method in SERVICE.methods)):
        for field in message.fields:
            if field.enum_type is not None:
                found[field.enum_type.name] = field.enum_type
    return [found[name] for name in sorted(found)]


def docstring(text: str, indent: str) -> Iterator[str]:
    """A docstring of a comment, wrapped."""
    text = text.replace("\\", "\\\\") or "Not described."
    text = text[0].upper() + text[1:] if text[0] != '"' else f"As text: {text}"
    words, line = text.split(" "), f'{indent}"""'
    lines = []
    for number, word in enumerate(words):
        if len(line) + len(word) + 1 > WIDTH:
            lines.append(line)
            line = indent + word
        else:
            line += word if number == 0 else f" {word}"
    lines.append(line)
    if len(lines) == 1 and not line.endswith('"'):
        if len(line) + 3 <= WIDTH:
            return iter([f'{line}"""'])
        head, _, last = line.rpartition(" ")
        lines = [head, indent + last]
    return iter([*lines, f'{indent}"""'])


def short(enum: EnumDescriptor, value: str) -> str:
    """The name of an enum's value without the enum's."""
    prefix = "".join(f"_{c}" if c.isupper() else c.upper() for c in enum.name).lstrip("_") + "_"
    return value.removeprefix(prefix)


def render_enums() -> Iterator[str]:
    """The module of enums."""
    yield '"""The enums of the API. Made from the protos by tests/support/sdk.py: not to be edited."""'
    yield "from __future__ import annotations"
    yield "from krakencopy.client.sdk.open_enum import OpenEnum"
    for enum in enums():
        yield f"class {enum.name}(OpenEnum):"
        yield from docstring(comments()[enum.full_name], "    ")
        for value in enum.values:
            yield f"    {short(enum, value.name)} = {value.number}"
            yield from docstring(comments()[f"{enum.full_name}.{value.name}"], "    ")


_TIMES = {"google.protobuf.Timestamp": "datetime", "google.protobuf.Duration": "timedelta"}
_PLAIN = {
    FieldDescriptor.CPPTYPE_STRING: "str",
    FieldDescriptor.CPPTYPE_BOOL: "bool",
    FieldDescriptor.CPPTYPE_DOUBLE: "float",
    FieldDescriptor.CPPTYPE_FLOAT: "float",
    FieldDescriptor.CPPTYPE_INT32: "int",
    FieldDescriptor.CPPTYPE_INT64: "int",
    FieldDescriptor.CPPTYPE_UINT32: "int",
    FieldDescriptor.CPPTYPE_UINT64: "int",
}


def kind_of(field: FieldDescriptor) -> str:
    """The type of a field in Python: what client/sdk/field.py reads it as."""
    options, kind = field.GetOptions(), field.message_type
    is_decimal = options.Extensions[answers_pb2.decimal]
    if kind is not None and kind.GetOptions().map_entry:
        return f"Mapping[str, {'Decimal' if is_decimal else _one(kind.fields_by_name['value'])}]"
    if field.is_repeated:
        return f"tuple[{_one(field)}, ...]"
    may_lack = is_decimal or field.has_presence or kind is not None
    is_sure = not may_lack or options.Extensions[answers_pb2.always]
    one = "Decimal" if is_decimal else _one(field)
    return one if is_sure else f"{one} | None"


def _one(field: FieldDescriptor) -> str:
    """The type of one item."""
    if field.enum_type is not None:
        return field.enum_type.name
    if field.message_type is not None:
        return _TIMES.get(field.message_type.full_name) or field.message_type.name
    return _PLAIN[field.cpp_type]


def render_values(subject: str) -> Iterator[str]:
    """A module of values."""
    body = list(_classes(subject))
    used = set(re.findall(r"\w+", " ".join(line for line in body if ": Field[" in line)))
    yield f'"""Values of {subject} calls and what they hold. Made from the protos by tests/support/sdk.py."""'
    yield "from __future__ import annotations"
    yield "from collections.abc import Mapping"
    yield "from datetime import datetime, timedelta"
    yield "from decimal import Decimal"
    homes = {other: [each.name for each in messages] for other, messages in subjects().items()}
    del homes[subject]
    modules = {f"values.{other}": names for other, names in homes.items()}
    for module, names in {"enums": [enum.name for enum in enums()], **modules}.items():
        if found := used.intersection(names):
            yield f"from {GENERATED}.{module} import {', '.join(sorted(found))}"
    yield "from krakencopy.client.sdk.field import Field"
    yield "from krakencopy.client.sdk.value import Value"
    for proto in sorted({_proto(message) for message in subjects()[subject]}):
        yield f"from krakencopy.v1 import {proto}_pb2 as {proto}"
    yield from body


def _classes(subject: str) -> Iterator[str]:
    for message in subjects()[subject]:
        yield f"class {message.name}(Value[{_proto(message)}.{message.name}]):"
        yield from docstring(comments()[message.full_name], "    ")
        for field in message.fields:
            yield f"    {field.name}: Field[{kind_of(field)}]"
            yield from docstring(comments()[field.full_name], "    ")


def render_names() -> Iterator[str]:
    """The package of values: all of them by their names."""
    yield '"""What answers hold, with Python\'s types. Made from the protos by tests/support/sdk.py."""'
    for subject, messages in subjects().items():
        names = ", ".join(f"{each.name} as {each.name}" for each in messages)
        yield f"from {GENERATED}.values.{subject} import {names}"


def _proto(message: Descriptor) -> str:
    return Path(message.file.name).stem
