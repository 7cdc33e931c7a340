"""Kraken's envelope: results and refusals as HTTP responses. Logical errors have HTTP status 200."""

import json
from typing import Any, Final

from aiohttp import web

_JSON: Final = {"Content-Type": "application/json; charset=utf-8"}
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


def answered(result: Any) -> web.Response:
    """A result; None is an answer without one."""
    return _response({"error": []} if result is None else {"error": [], "result": result})


def refused(text: str) -> web.Response:
    """An error, in Kraken's words."""
    return _response({"error": [text]})


def _response(envelope: dict[str, Any]) -> web.Response:
    return web.Response(body=_encode(envelope).encode(), headers=_JSON)
