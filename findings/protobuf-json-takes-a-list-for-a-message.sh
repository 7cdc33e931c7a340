#!/usr/bin/env bash
# In Python an empty JSON list is a protobuf message, and "1_0" is ten.
#
# One would expect: json_format.Parse refuses what is no JSON object for a message, and for a 64-bit number in
#   a text all that is not a decimal number, as the mapping of protobuf to JSON says.
# What happens: it walks over the names in whatever it is given. An empty list and an empty text have none, so
#   they pass for a message without fields: at the top, and in a field, which is then present and empty. Texts
#   of numbers go through int(): "1_0" is 10, and digits of other scripts are taken.
# Version: protobuf 7.36.2, with its C implementation and without.
# Source: https://protobuf.dev/programming-guides/json/, and _ConvertMessage and _ConvertInteger in
#   google/protobuf/json_format.py.
# Whom it bites: HTTP gateways. A client that sends its filter as [] where it means "none of these" asks for
#   everything, if an empty filter means everything.
# Here: client/gateway/application.py refuses a request that does not begin with a brace; no message of ours
#   does anything to all when a field of it is empty.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check 'protobuf==7.36.2'
for implementation in upb python; do
PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=$implementation "$folder/venv/bin/python" - <<'PY'
from google.protobuf import json_format
from google.protobuf.internal import api_implementation
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.wrappers_pb2 import Int64Value

# Messages that come with protobuf: a field (number, options with a message inside), a file.
for text in ("[]", '""'):
    assert json_format.Parse(text, FieldDescriptorProto()) == FieldDescriptorProto()
    found = json_format.Parse(f'{{"options": {text}}}', FieldDescriptorProto())
    assert found.HasField("options")
assert json_format.Parse('{"messageType": [[]]}', FileDescriptorProto()).message_type
for text in ("1_0", "１０", "+10", "10.0"):
    assert json_format.Parse(f'"{text}"', Int64Value()).value == 10, text
for text in ("null", "0", "[1]", '{"no": 1}'):
    try:
        json_format.Parse(text, FieldDescriptorProto())
    except json_format.ParseError:
        continue
    raise AssertionError(text)
print(f"{api_implementation.Type()}: [] and \"\" are messages, \"1_0\" is 10")
PY
done
