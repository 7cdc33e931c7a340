"""What the tests of the paper exchange share: a client of its own (signing done anew here), and a running
server.
"""

import base64
import hashlib
import hmac
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests

ROOT = Path(__file__).parents[2]
SECRET = base64.b64encode(b"a secret of sixty-four bytes, as long as those that Kraken hands out").decode()
PATIENCE_S = 10.0

_numbers = itertools.count(1)


class Client:
    """Speaks Kraken's REST for one key."""

    def __init__(self, rest_url: str, key: str, secret: str = SECRET) -> None:
        self.rest_url = rest_url
        self.key = key
        self.secret = secret
        self.account = ""
        self.nonce = time.time_ns()
        self.http = requests.Session()

    def next_nonce(self) -> str:
        self.nonce += 1
        return str(self.nonce)

    def sign(self, path: str, nonce: str, body: bytes) -> str:
        message = path.encode() + hashlib.sha256(nonce.encode() + body).digest()
        return base64.b64encode(hmac.digest(base64.b64decode(self.secret), message, "sha512")).decode()

    def post(
        self, method: str, body: bytes, nonce: str, kind: str, sign: str | None = None
    ) -> requests.Response:
        path = f"/0/private/{method}"
        headers = {
            "API-Key": self.key,
            "API-Sign": sign or self.sign(path, nonce, body),
            "Content-Type": kind,
        }
        return self.http.post(self.rest_url + path, data=body, headers=headers, timeout=PATIENCE_S)

    def answer(self, method: str, **params: str | int) -> Any:
        """The envelope of a call whose arguments travel as a form."""
        nonce = str(params.pop("nonce", self.next_nonce()))
        body = urlencode({"nonce": nonce, **params}).encode()
        response = self.post(method, body, nonce, "application/x-www-form-urlencoded")
        assert response.status_code == 200
        return response.json()

    def answer_json(self, method: str, **params: Any) -> Any:
        """The envelope of a call whose arguments travel as JSON."""
        nonce = self.next_nonce()
        body = json.dumps({"nonce": nonce, **params}).encode()
        return self.post(method, body, nonce, "application/json").json()

    def call(self, method: str, **params: str | int) -> Any:
        """The result of a call that must succeed."""
        answer = self.answer(method, **params)
        assert answer["error"] == [], answer
        return answer["result"]

    def error(self, method: str, **params: str | int) -> str:
        """The one error of a call that must be refused."""
        answer = self.answer(method, **params)
        assert "result" not in answer
        (error,) = answer["error"]
        assert isinstance(error, str)
        return error


class Server:
    """A paper exchange in a process of its own."""

    def __init__(self, *arguments: str, **popen: Any) -> None:
        command = [sys.executable, "-m", "krakencopy.paper_exchange", "--port", "0", *arguments]
        # A run of tests that is killed takes its exchanges along. (A test of the lifeline brings its own.)
        read_end, self._lifeline = os.pipe()
        if "pass_fds" not in popen:
            popen["pass_fds"] = (read_end,)
            command += ["--lifeline-fd", str(read_end)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, **popen)
        os.close(read_end)
        assert self.process.stdout is not None
        urls = json.loads(self.process.stdout.readline())
        self.rest_url: str = urls["rest_url"]
        self.ws_url: str = urls["ws_url"]
        self.http = requests.Session()

    def stop(self) -> int:
        self.http.close()
        self.process.terminate()
        return self.wait()

    def wait(self) -> int:
        code = self.process.wait(PATIENCE_S)
        os.close(self._lifeline)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def control(self, method: str, path: str, body: Any = None) -> requests.Response:
        return self.http.request(method, f"{self.rest_url}/paper/v1{path}", json=body, timeout=PATIENCE_S)

    def public(self, method: str, **query: str | int) -> Any:
        """The envelope of a public call."""
        return self.http.get(f"{self.rest_url}/0/public/{method}", params=query, timeout=PATIENCE_S).json()

    def pin(self, pair: str, **market: str) -> None:
        assert self.control("POST", f"/markets/{pair}", market).status_code == 200

    def account(
        self,
        *,
        permissions: list[str] | None = None,
        limits: bool = True,
        tier: str = "intermediate",
        **balances: str,
    ) -> Client:
        """A new account with one key, and a client that uses it."""
        number = next(_numbers)
        key: dict[str, Any] = {"key": f"key/{os.getpid()}/{number}", "secret": SECRET}
        if permissions is not None:
            key["permissions"] = permissions
        body = {
            "id": f"account-{number}", "tier": tier, "limits": limits, "balances": balances, "keys": [key]
        }  # fmt: skip
        assert self.control("POST", "/accounts", body).status_code == 200
        client = Client(self.rest_url, key["key"])
        client.account = f"account-{number}"
        return client

    def again(self, client: Client) -> Client:
        """Another client of the same key, whose nonces are larger."""
        other = Client(self.rest_url, client.key)
        other.account = client.account
        return other

    def rows(self, client: Client) -> list[dict[str, Any]]:
        """What the log of requests says of an account."""
        rows = self.control("GET", "/requests").json()["requests"]
        return [row for row in rows if row["account"] == client.account]

    def outcomes(self, client: Client) -> list[tuple[str, str, str | None]]:
        """Method, outcome and fault of an account's requests."""
        return [(row["method"], row["outcome"], row["fault"]) for row in self.rows(client)]

    def fills(self, client: Client) -> list[dict[str, Any]]:
        """What really happened to an account's orders."""
        fills = self.control("GET", "/fills").json()["fills"]
        return [fill for fill in fills if fill["account"] == client.account]

    def fault(self, kind: str, **fields: Any) -> int:
        """Set a fault; its id."""
        answer = self.control("POST", "/faults", {"kind": kind, **fields})
        assert answer.status_code == 200, answer.text
        (name, number), *rest = answer.json().items()
        assert (name, rest) == ("id", [])
        assert isinstance(number, int)
        return number

    def fired(self, number: int) -> int:
        """How often a fault has fired."""
        faults = self.control("GET", "/faults").json()["faults"]
        (fired,) = (fault["fired"] for fault in faults if fault["id"] == number)
        assert isinstance(fired, int)
        return fired


def until(state: Callable[[], Any], what: str) -> Any:
    """Wait until `state()` is truthy, with a limit; its value."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        value = state()
        if value:
            return value
    raise AssertionError(f"not within {PATIENCE_S} s: {what}")
