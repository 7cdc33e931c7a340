"""The SDK's values and enums, made from the descriptors of the protos: what client/sdk/generated holds of
them.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from krakencopy.v1 import answers_pb2, control_pb2

ROOT = Path(__file__).parents[2]
SERVICE = control_pb2.DESCRIPTOR.services_by_name["ControlService"]
PACKAGE = "krakencopy.v1."
WIDTH = 110
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


def answers() -> list[Descriptor]:
    """All messages that answers hold, each after those that it holds itself."""
    found: dict[str, Descriptor] = {}

    def take(message: Descriptor) -> None:
        if message.full_name in found or not message.full_name.startswith(PACKAGE):
            return
        for field in message.fields:
            if field.message_type is not None:
                take(entry(field) or field.message_type)
        if not message.GetOptions().map_entry:
            found[message.full_name] = message

    for method in SERVICE.methods:
        take(method.output_type)
    # A page is for the client alone.
    return [message for message in found.values() if "next_page_token" not in message.fields_by_name]


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
    if len(lines) == 1 and len(line) + 3 <= WIDTH and not line.endswith('"'):
        return iter([f'{line}"""'])
    return iter([*lines, f'{indent}"""'])


def short(enum: EnumDescriptor, value: str) -> str:
    """The name of an enum's value without the enum's."""
    prefix = "".join(f"_{c}" if c.isupper() else c.upper() for c in enum.name).lstrip("_") + "_"
    return value.removeprefix(prefix)


def render_enums() -> Iterator[str]:
    """The module of enums."""
    yield '"""The enums of the API. Made from the protos by tests/support/sdk.py: not to be edited."""'
    yield "from __future__ import annotations"
    yield "from krakencopy.client.sdk.value import OpenEnum"
    for enum in enums():
        yield f"class {enum.name}(OpenEnum):"
        yield from docstring(comments()[enum.full_name], "    ")
        for value in enum.values:
            yield f"    {short(enum, value.name)} = {value.number}"
            yield from docstring(comments()[f"{enum.full_name}.{value.name}"], "    ")


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


def read(field: FieldDescriptor) -> tuple[str, str]:
    """The type of a field in Python, and the expression that reads it."""
    options, name = field.GetOptions(), field.name
    is_decimal = options.Extensions[answers_pb2.decimal]
    is_sure = options.Extensions[answers_pb2.always]
    raw = f"self.raw.{name}"
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        return _read_map(field, is_decimal=is_decimal)
    if field.is_repeated:
        one, made = _one(field)
        return f"tuple[{one}, ...]", f"tuple({raw})" if made is None else f"tuple(map({made}, {raw}))"
    if is_decimal:
        return (
            ("Decimal", f'self._sure_decimal("{name}")')
            if is_sure
            else ("Decimal | None", f'self._decimal("{name}")')
        )
    if kind is not None and kind.full_name == "google.protobuf.Timestamp":
        return (
            ("datetime", f'self._sure_time("{name}")')
            if is_sure
            else ("datetime | None", f'self._time("{name}")')
        )
    if kind is not None and kind.full_name == "google.protobuf.Duration":
        return "timedelta | None", f'self._duration("{name}")'
    one, made = _one(field)
    if kind is not None:
        return (one, f"{one}({raw})") if is_sure else (f"{one} | None", f'self._value("{name}", {one})')
    if field.has_presence and not is_sure:
        return f"{one} | None", f'self._value("{name}", {made or one})'
    return one, raw if made is None else f"{made}({raw})"


def _known(kind: str, how: str, name: str, *, is_sure: bool) -> tuple[str, str]:
    """What may not be known, unless that is declared."""
    return (kind, f'self._sure_{how}("{name}")') if is_sure else (f"{kind} | None", f'self._{how}("{name}")')


def _read_map(field: FieldDescriptor, *, is_decimal: bool) -> tuple[str, str]:
    assert field.message_type is not None
    value = field.message_type.fields_by_name["value"]
    if is_decimal:
        return "Mapping[str, Decimal]", f'self._decimals("{field.name}")'
    one, made = _one(value)
    raw = f"self.raw.{field.name}"
    items = raw if made is None else f"{{key: {made}(value) for key, value in {raw}.items()}}"
    return (
        f"Mapping[str, {one}]",
        f"MappingProxyType(dict({items}))" if made is None else f"MappingProxyType({items})",
    )


def _one(field: FieldDescriptor) -> tuple[str, str | None]:
    """The type of one item, and what makes it of the raw one; None for nothing."""
    if field.enum_type is not None:
        return field.enum_type.name, field.enum_type.name
    if field.message_type is not None:
        return field.message_type.name, field.message_type.name
    return _PLAIN[field.cpp_type], None


def render_values() -> Iterator[str]:
    """The module of values."""
    yield '"""What answers hold, with Python\'s types.\n\nMade from the protos by tests/support/sdk.py.\n"""'
    yield "from __future__ import annotations"
    yield "from collections.abc import Mapping"
    yield "from datetime import datetime, timedelta"
    yield "from decimal import Decimal"
    yield "from types import MappingProxyType"
    yield f"from krakencopy.client.sdk.generated.enums import {', '.join(enum.name for enum in enums())}"
    yield "from krakencopy.client.sdk.value import Value"
    files = sorted({message.file.name for message in answers()})
    for file in files:
        stem = Path(file).stem
        yield f"from krakencopy.v1 import {stem}_pb2 as {stem}"
    for message in answers():
        raw = f"{Path(message.file.name).stem}.{message.name}"
        yield f"class {message.name}(Value[{raw}]):"
        yield from docstring(comments()[message.full_name], "    ")
        yield "    __slots__ = ()"
        for field in message.fields:
            kind, expression = read(field)
            yield "    @property"
            yield f"    def {field.name}(self) -> {kind}:"
            yield from docstring(comments()[field.full_name], "        ")
            yield f"        return {expression}"
