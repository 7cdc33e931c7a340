"""A paper exchange for a round of somebody else's client, with accounts and prices made by its control
API.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).parents[2]
SECRET = base64.b64encode(b"a secret of sixty-four bytes, as long as those that Kraken hands out").decode()
PATIENCE_S = 10.0


@dataclass(frozen=True)
class Key:
    """A key of an account."""

    account: str
    key: str
    secret: str = SECRET


class World:
    """One exchange in a process of its own, run by `python`; its answers to private calls take
    `latency_ms`.
    """

    def __init__(self, python: str, latency_ms: int) -> None:
        command = [
            python,
            "-m",
            "krakencopy.paper_exchange",
            "--port",
            "0",
            "--tick-ms",
            "50",
            "--latency-ms",
            str(latency_ms),
        ]
        # The exchange ends with this process, however that ends.
        read_end, self._lifeline = os.pipe()
        command += ["--lifeline-fd", str(read_end)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=ROOT, pass_fds=(read_end,)
        )
        os.close(read_end)
        assert self._process.stdout is not None
        urls = json.loads(self._process.stdout.readline())
        self.rest_url: str = urls["rest_url"]
        self.ws_url: str = urls["ws_url"]
        self.latency_s = latency_ms / 1000
        self._http = requests.Session()
        self._accounts = 0

    def close(self) -> None:
        """End the exchange."""
        self._http.close()
        self._process.terminate()
        self._process.wait(PATIENCE_S)
        os.close(self._lifeline)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """A call of the control API, which must succeed."""
        url = f"{self.rest_url}/paper/v1{path}"
        response = self._http.request(method, url, json=body, timeout=PATIENCE_S)
        assert response.status_code == 200, response.text
        return response.json()

    def account(
        self,
        *,
        tier: str = "intermediate",
        limits: bool = False,
        permissions: list[str] | None = None,
        **balances: str,
    ) -> Key:
        """A new account with one key. Without `limits` its calls are not counted."""
        self._accounts += 1
        account = f"conformance-{self._accounts}"
        row: dict[str, Any] = {"key": f"key/{os.getpid()}/{self._accounts}", "secret": SECRET}
        if permissions is not None:
            row["permissions"] = permissions
        body = {"id": account, "tier": tier, "limits": limits, "balances": balances, "keys": [row]}
        self.control("POST", "/accounts", body)
        return Key(account, row["key"])

    def pin(self, pair: str, bid: str, ask: str, depth: str = "5") -> None:
        """Hold the market of a pair."""
        self.control("POST", f"/markets/{pair}", {"bid": bid, "ask": ask, "depth": depth})

    def release(self, pair: str) -> None:
        """Let the market of a pair move again."""
        self.control("POST", f"/markets/{pair}", {"resume": True})

    def called(self) -> Counter[str]:
        """How often each endpoint was called, by the exchange's own record."""
        return Counter(self.control("GET", "/calls")["called"])

    def unknown(self) -> Counter[str]:
        """The same, of those that the exchange does not know."""
        return Counter(self.control("GET", "/calls")["unknown"])


def until(state: Any, what: str) -> Any:
    """Wait until `state()` is truthy, with a limit; its value."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        value = state()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError(f"not within {PATIENCE_S} s: {what}")
