"""(d) What a person would write today: one asyncio process over ccxt.pro (``asyncio_bot``), at the same
exchange and copying the same person's trades as krakencopy.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.person import Contestant, Person
from tests.bench.venue import MASTER_USD, SYMBOL, accounts, exchange
from tests.support.system import ROOT, Paper

#: Where ``make conformance`` and ``make bench`` put it.
CONFORMANCE = ROOT / ".venv-conformance" / "bin" / "python"
#: A trade in and out before what counts: connections, caches and subscription are there then.
WARM_UP = 2


class Bot:
    """The script as a process of its own, which copies until it is closed."""

    def __init__(self, python: Path, paper: Paper, users: int) -> None:
        master = paper.open_account("master", {"ZUSD": MASTER_USD})
        keys = accounts(paper, users)
        self.process = subprocess.Popen(
            [str(python), "-m", "tests.bench.asyncio_bot"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdin is not None
        asked = {
            "rest_url": paper.rest_url, "ws_url": paper.ws_url, "pair": SYMBOL,
            "master": [master.key, master.secret], "users": [[key.key, key.secret] for key in keys],
        }  # fmt: skip
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        assert self._said() == {"ready": True}
        self.copied = 0
        self._errors: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        """Counts the trades whose orders are all answered."""
        while said := self._said():
            self._errors += said["errors"]
            self.copied += 1

    def has_copied(self, trades: int) -> bool:
        """Whether every order of so many trades is answered, and none was refused."""
        assert self.process.poll() is None, "the script has ended"
        assert not self._errors, self._errors[0]
        return self.copied == trades

    def _said(self) -> dict[str, Any]:
        """A line of the script's; nothing once it has ended."""
        assert self.process.stdout is not None
        said: dict[str, Any] = json.loads(self.process.stdout.readline() or "{}")
        return said

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        assert self.process.wait(timeout=10) == 0
        self.process.stdout.close()


@contextmanager
def running(python: Path, users: int) -> Iterator[Contestant]:
    """The script, warm, with its person, at an exchange of its own."""
    with exchange() as paper:
        bot = Bot(python, paper, users)
        try:
            person = Person(paper)
            contestant = Contestant(
                paper, person, users, {"script": [bot.process.pid]}, lambda: bot.has_copied(person.orders)
            )
            for _ in range(WARM_UP):
                person.trade()
                contestant.rest()
            yield contestant
            person.close()
            bot.close()
        finally:
            bot.process.kill()
            bot.process.wait()
