"""The rules that buf calls STANDARD, and one of our own: each part has a comment.

A rule is a function over protoc's descriptors that names each offender. Left out are buf's rules for
protovalidate, which is not used here. tests/repository/test_proto_lint.py applies them, and shows that each
catches a bad proto.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from google.protobuf.unknown_fields import UnknownFieldSet

LOWER_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
UPPER_SNAKE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
PASCAL = re.compile(r"[A-Z][A-Za-z0-9]*")
#: v1, v1beta1, v2p1alpha3, v1test.
VERSION = re.compile(r"v[1-9]\d*((p[1-9]\d*)?(alpha|beta)\d*|test.*)?")
#: Options by which generators know how to name a package; its files must agree.
PACKAGE_OPTIONS = (
    "csharp_namespace", "go_package", "java_multiple_files", "java_package", "php_namespace", "ruby_package",
    "swift_prefix",
)  # fmt: skip
#: Field numbers in descriptor.proto, from which the paths of source locations are made.
SYNTAX = (12,)


@dataclass
class Part:
    """Something with a name: a message, a field, an oneof, an enum, an enum's value, a service or an RPC."""

    kind: str
    name: str
    descriptor: Any
    file: SourceFile
    path: tuple[int, ...]
    parent: Part | None = None

    def __str__(self) -> str:
        owner = f" of {self.parent.name}" if self.parent else ""
        return f"{self.file.name}:{self.file.line(self.path)}: {self.kind} {self.name}{owner}"


@dataclass
class SourceFile:
    """One file that is checked."""

    descriptor: FileDescriptorProto
    parts: list[Part] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.name = self.descriptor.name
        self.package = self.descriptor.package
        self.folder = str(PurePosixPath(self.name).parent)
        self._places = {tuple(place.path): place for place in self.descriptor.source_code_info.location}
        self._read(self.descriptor.message_type, self.descriptor.enum_type, (4,), (5,), None)
        for index, service in enumerate(self.descriptor.service):
            part = self._add("service", service, (6, index))
            for number, method in enumerate(service.method):
                self._add("RPC", method, (6, index, 2, number), part)

    def line(self, path: tuple[int, ...]) -> int:
        place = self._places.get(path)
        return place.span[0] + 1 if place else 1

    def comment(self, path: tuple[int, ...]) -> str:
        place = self._places.get(path)
        return place.leading_comments.strip() if place else ""

    def says(self, path: tuple[int, ...]) -> bool:
        """Whether there is source text for this path, and no default."""
        return path in self._places

    def _add(self, kind: str, descriptor: Any, path: tuple[int, ...], parent: Part | None = None) -> Part:
        part = Part(kind, descriptor.name, descriptor, self, path, parent)
        self.parts.append(part)
        return part

    def _read(self, messages: Any, enums: Any, to_messages: Any, to_enums: Any, parent: Part | None) -> None:
        for index, message in enumerate(messages):
            if not message.options.map_entry:  # made by protoc for a map<>
                self._read_message(message, (*to_messages, index), parent)
        for index, enum in enumerate(enums):
            part = self._add("enum", enum, (*to_enums, index), parent)
            for number, value in enumerate(enum.value):
                self._add("value", value, (*part.path, 2, number), part)

    def _read_message(self, message: DescriptorProto, path: tuple[int, ...], parent: Part | None) -> None:
        part = self._add("message", message, path, parent)
        # protoc makes a oneof for each proto3 "optional".
        made = {one.oneof_index for one in message.field if one.proto3_optional}
        for number, one in enumerate(message.field):
            self._add("field", one, (*path, 2, number), part)
        for number, oneof in enumerate(message.oneof_decl):
            if number not in made:
                self._add("oneof", oneof, (*path, 8, number), part)
        self._read(message.nested_type, message.enum_type, (*path, 3), (*path, 4), part)


class Schema:
    """All files that are checked, and what the files that they import define."""

    def __init__(self, files: FileDescriptorSet, checked: set[str]) -> None:
        self.files = [SourceFile(one) for one in files.file if one.name in checked]
        self.parts = [part for one in self.files for part in one.parts]
        self.package_of = {one.name: one.package for one in files.file}
        #: Full name of each message and enum, and the file that defines it.
        self.home = {name: one.name for one in files.file for name in _defined(one, f".{one.package}")}

    def of(self, *kinds: str) -> Iterator[Part]:
        return (part for part in self.parts if part.kind in kinds)


def _defined(scope: FileDescriptorProto | DescriptorProto, prefix: str) -> Iterator[str]:
    prefix = prefix.rstrip(".")
    for message in _messages(scope):
        yield f"{prefix}.{message.name}"
        yield from _defined(message, f"{prefix}.{message.name}")
    for enum in scope.enum_type:
        yield f"{prefix}.{enum.name}"


def _messages(scope: FileDescriptorProto | DescriptorProto) -> Iterable[DescriptorProto]:
    return scope.message_type if isinstance(scope, FileDescriptorProto) else scope.nested_type


Rule = Callable[[Schema], Iterator[str]]
RULES: dict[str, Rule] = {}


def rule(name: str) -> Callable[[Rule], Rule]:
    def keep(function: Rule) -> Rule:
        RULES[name] = function
        return function

    return keep


def spelling(name: str, kind: str, pattern: re.Pattern[str], words: str) -> None:
    """The rule that every name of a kind is spelt so."""
    RULES[name] = lambda schema: (
        f"{part} is not {words}" for part in schema.of(kind) if not pattern.fullmatch(part.name)
    )


spelling("MESSAGE_PASCAL_CASE", "message", PASCAL, "PascalCase")
spelling("FIELD_LOWER_SNAKE_CASE", "field", LOWER_SNAKE, "lower_snake_case")
spelling("ONEOF_LOWER_SNAKE_CASE", "oneof", LOWER_SNAKE, "lower_snake_case")
spelling("ENUM_PASCAL_CASE", "enum", PASCAL, "PascalCase")
spelling("ENUM_VALUE_UPPER_SNAKE_CASE", "value", UPPER_SNAKE, "UPPER_SNAKE_CASE")
spelling("SERVICE_PASCAL_CASE", "service", PASCAL, "PascalCase")
spelling("SERVICE_SUFFIX", "service", re.compile(".*Service"), "named ...Service")
spelling("RPC_PASCAL_CASE", "RPC", PASCAL, "PascalCase")


# -- files and packages ------------------------------------------------------------------------------------


@rule("PACKAGE_DEFINED")
def _(schema: Schema) -> Iterator[str]:
    return (f"{one.name}: no package" for one in schema.files if not one.package)


@rule("PACKAGE_DIRECTORY_MATCH")
def _(schema: Schema) -> Iterator[str]:
    for one in schema.files:
        if one.package and one.folder != one.package.replace(".", "/"):
            yield f"{one.name}: package {one.package} belongs in {one.package.replace('.', '/')}"


@rule("DIRECTORY_SAME_PACKAGE")
def _(schema: Schema) -> Iterator[str]:
    yield from _split(schema, lambda one: one.folder, lambda one: one.package, "folder", "packages")


@rule("PACKAGE_SAME_DIRECTORY")
def _(schema: Schema) -> Iterator[str]:
    yield from _split(schema, lambda one: one.package, lambda one: one.folder, "package", "folders")


def _split(
    schema: Schema,
    key: Callable[[SourceFile], str],
    value: Callable[[SourceFile], str],
    one_word: str,
    many: str,
) -> Iterator[str]:
    found: dict[str, set[str]] = defaultdict(set)
    for one in schema.files:
        found[key(one)].add(value(one))
    for name, values in found.items():
        if len(values) > 1:
            yield f"{one_word} {name} has several {many}: {', '.join(sorted(repr(one) for one in values))}"


@rule("PACKAGE_LOWER_SNAKE_CASE")
def _(schema: Schema) -> Iterator[str]:
    for one in schema.files:
        if one.package and not all(LOWER_SNAKE.fullmatch(word) for word in one.package.split(".")):
            yield f"{one.name}: package {one.package} is not lower_snake.case"


@rule("PACKAGE_VERSION_SUFFIX")
def _(schema: Schema) -> Iterator[str]:
    for one in schema.files:
        if one.package and not VERSION.fullmatch(one.package.rpartition(".")[2]):
            yield f"{one.name}: package {one.package} does not end with a version such as .v1"


@rule("PACKAGE_NO_IMPORT_CYCLE")
def _(schema: Schema) -> Iterator[str]:
    needs: dict[str, set[str]] = defaultdict(set)
    for one in schema.files:
        needs[one.package] |= {schema.package_of[name] for name in one.descriptor.dependency} - {one.package}
    for start in sorted(needs):
        reached, waiting = set[str](), set(needs[start])
        while waiting:
            package = waiting.pop()
            reached.add(package)
            waiting |= needs.get(package, set()) - reached
        if start in reached:
            yield f"package {start} imports itself by way of others"


@rule("PACKAGE_SAME_OPTIONS")
def _(schema: Schema) -> Iterator[str]:
    for option in PACKAGE_OPTIONS:
        found: dict[str, set[str]] = defaultdict(set)
        for one in schema.files:
            found[one.package].add(str(getattr(one.descriptor.options, option)))
        for package, values in found.items():
            if len(values) > 1:
                yield (
                    f"package {package} has several values of {option}: "
                    f"{', '.join(map(repr, sorted(values)))}"
                )


@rule("FILE_LOWER_SNAKE_CASE")
def _(schema: Schema) -> Iterator[str]:
    for one in schema.files:
        if not LOWER_SNAKE.fullmatch(PurePosixPath(one.name).stem):
            yield f"{one.name}: the file's name is not lower_snake_case.proto"


@rule("SYNTAX_SPECIFIED")
def _(schema: Schema) -> Iterator[str]:
    return (f"{one.name}: no syntax" for one in schema.files if not one.says(SYNTAX))


@rule("IMPORT_NO_PUBLIC")
def _(schema: Schema) -> Iterator[str]:
    for one in schema.files:
        for index in one.descriptor.public_dependency:
            yield f"{one.name}: public import of {one.descriptor.dependency[index]}"


@rule("IMPORT_NO_WEAK")
def _(schema: Schema) -> Iterator[str]:
    for one in schema.files:
        for index in one.descriptor.weak_dependency:
            yield f"{one.name}: weak import of {one.descriptor.dependency[index]}"


@rule("IMPORT_USED")
def _(schema: Schema) -> Iterator[str]:
    homes = {extension.number: one.name for one in schema.files for extension in one.descriptor.extension}
    for one in schema.files:
        used = {schema.home.get(name) for name in _types(one.descriptor)}
        used |= {homes.get(number) for number in _options(one.descriptor)}
        for name in one.descriptor.dependency:
            if name not in used:
                yield f"{one.name}: import of {name} is not used"


def _types(scope: FileDescriptorProto | DescriptorProto) -> Iterator[str]:
    """Full names of all types that are mentioned."""
    for message in _messages(scope):
        yield from (one.type_name for one in message.field if one.type_name)
        yield from _types(message)
    yield from (one.extendee for one in scope.extension)
    for service in scope.service if isinstance(scope, FileDescriptorProto) else ():
        for method in service.method:
            yield from (method.input_type, method.output_type)


def _options(scope: FileDescriptorProto | DescriptorProto) -> Iterator[int]:
    """Numbers of all options that are set on fields, whether their extensions are known here or not."""
    for message in _messages(scope):
        for one in message.field:
            yield from (option.number for option, _ in one.options.ListFields())
            yield from (unknown.field_number for unknown in _unknown(one.options))
        yield from _options(message)


def _unknown(message: Any) -> Iterator[Any]:
    found: Any = UnknownFieldSet(message)  # its type stub does not know that it can be walked
    yield from found


# -- messages and enums ------------------------------------------------------------------------------------


@rule("FIELD_NOT_REQUIRED")
def _(schema: Schema) -> Iterator[str]:
    for part in schema.of("field"):
        if part.descriptor.label == FieldDescriptorProto.LABEL_REQUIRED:
            yield f"{part} is required"


@rule("ENUM_NO_ALLOW_ALIAS")
def _(schema: Schema) -> Iterator[str]:
    return (f"{part} allows aliases" for part in schema.of("enum") if part.descriptor.options.allow_alias)


@rule("ENUM_FIRST_VALUE_ZERO")
def _(schema: Schema) -> Iterator[str]:
    return (f"{part} does not begin with 0" for part in schema.of("enum") if part.descriptor.value[0].number)


@rule("ENUM_VALUE_PREFIX")
def _(schema: Schema) -> Iterator[str]:
    for part in schema.of("value"):
        assert part.parent is not None
        prefix = upper_snake(part.parent.descriptor) + "_"
        if not part.name.startswith(prefix):
            yield f"{part} does not begin with {prefix}"


def upper_snake(enum: EnumDescriptorProto) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", enum.name).upper()


@rule("ENUM_ZERO_VALUE_SUFFIX")
def _(schema: Schema) -> Iterator[str]:
    for part in schema.of("value"):
        if part.descriptor.number == 0 and not part.name.endswith("_UNSPECIFIED"):
            yield f"{part} is 0 and does not end with _UNSPECIFIED"


# -- services ----------------------------------------------------------------------------------------------


def standard_name(schema: Schema, suffix: str, field_name: str) -> Iterator[str]:
    for part in schema.of("RPC"):
        assert part.parent is not None
        name = getattr(part.descriptor, field_name).rpartition(".")[2]
        allowed = (f"{part.name}{suffix}", f"{part.parent.name}{part.name}{suffix}")
        if name not in allowed:
            yield f"{part} has {name} where {' or '.join(allowed)} is needed"


RULES["RPC_REQUEST_STANDARD_NAME"] = lambda schema: standard_name(schema, "Request", "input_type")
RULES["RPC_RESPONSE_STANDARD_NAME"] = lambda schema: standard_name(schema, "Response", "output_type")


@rule("RPC_REQUEST_RESPONSE_UNIQUE")
def _(schema: Schema) -> Iterator[str]:
    users: dict[str, list[Part]] = defaultdict(list)
    for part in schema.of("RPC"):
        users[part.descriptor.input_type].append(part)
        users[part.descriptor.output_type].append(part)
    for name, parts in users.items():
        if len(parts) > 1:
            yield f"{name} is used more than once: {'; '.join(map(str, parts))}"


@rule("COMMENTS")
def _(schema: Schema) -> Iterator[str]:
    return (f"{part} has no comment above it" for part in schema.parts if not part.file.comment(part.path))


# -- from source text --------------------------------------------------------------------------------------


def compiled(root: Path, into: Path) -> Schema:
    """What protoc makes of all protos below ``root``; it writes ``into``."""
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.proto"))
    subprocess.run(
        [
            sys.executable, "-m", "grpc_tools.protoc", f"-I{root}", f"--descriptor_set_out={into}",
            "--include_source_info", "--include_imports", *names,
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return Schema(FileDescriptorSet.FromString(into.read_bytes()), set(names))
