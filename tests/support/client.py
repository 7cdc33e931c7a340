"""Another client of the exchange, written from Kraken's documentation and sharing no code with the
project.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import urllib.parse
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from tests.support.system import Key


def signed(key: Key, method: str, params: dict[str, str]) -> tuple[str, str, dict[str, str]]:
    """Path, body and headers of one private call. ``nonce``: by the clock unless it is among the params."""
    path = f"/0/private/{method}"
    nonce = params.get("nonce", str(time.time_ns() // 1000))
    body = urllib.parse.urlencode({"nonce": nonce, **params})
    message = path.encode() + hashlib.sha256((nonce + body).encode()).digest()
    signature = base64.b64encode(hmac.new(base64.b64decode(key.secret), message, hashlib.sha512).digest())
    headers = {
        "API-Key": key.key,
        "API-Sign": signature.decode(),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return path, body, headers


def private(rest_url: str, key: Key, method: str, **params: str) -> dict[str, Any]:
    """One private call; the whole envelope. ``nonce``: by the clock unless given."""
    path, body, headers = signed(key, method, params)
    answer = requests.post(rest_url + path, data=body, headers=headers, timeout=10)
    envelope: dict[str, Any] = answer.json()
    return envelope
