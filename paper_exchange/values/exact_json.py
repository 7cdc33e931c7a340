"""JSON with exact numbers: Decimals are written and read as plain JSON numbers, without a float in
between.
"""

import json
from decimal import Decimal
from json.encoder import encode_basestring_ascii
from typing import Any


def dumps(value: Any) -> str:
    """Write dicts, lists, strings, numbers, booleans and None; a Decimal keeps all of its digits.

    The keys of dicts are field names of ours, which need no escaping.
    """
    # Every event of every order comes through here, so the commonest types are asked for first.
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict):
        inner = ",".join([f'"{key}":{dumps(item)}' for key, item in value.items()])
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{','.join([dumps(item) for item in value])}]"
    return json.dumps(value)


def loads(text: str | bytes) -> Any:
    """Read JSON with every fraction as Decimal. Raises ValueError (also for NaN and the like)."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse)


def loads_as_text(text: str | bytes) -> Any:
    """Read JSON with every number as the digits that were sent, so that `5e-05` differs from `0.00005`.

    Raises ValueError.
    """
    return json.loads(text, parse_float=str, parse_int=str, parse_constant=_refuse)


def _refuse(literal: str) -> object:
    raise ValueError(f"{literal} is not JSON")
