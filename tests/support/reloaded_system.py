"""A system whose configuration a test changes while it runs."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from decimal import Decimal
from typing import Any

from krakencopy.client.cli.main import main
from krakencopy.v1 import types_pb2 as nouns
from tests.support.system import System, wait_for

#: Each user's share of the master's money: a tenth.
BALANCE = "100"


class Reloaded(System):
    """A system whose operator edits the file; all users but those of the start have their keys in files
    beside it.
    """

    def add(self, user: str, *lines: str, key_of: str = "") -> None:
        """A user more, or other lines for one that is there; ``key_of``: with the key of another one."""
        if (key_of or user) not in self.keys:
            self.keys[user] = self.paper.open_account(user, {"ZUSD": BALANCE})
        key = self.keys[key_of or user]
        path = self.folder / f"{key_of or user}.key"
        path.write_text(f'key = "{key.key}"\nsecret = "{key.secret}"\n')
        path.chmod(0o600)
        self.users[user] = BALANCE
        self.user_lines[user] = "\n".join((f'credentials_file = "{path.name}"', *lines))

    def remove(self, *users: str) -> None:
        for user in users:
            del self.users[user]
            self.user_lines.pop(user, None)

    def environment(self) -> dict[str, str]:
        assert all("credentials_file" in self.user_lines[user] for user in self.users.keys() - {"anna"})
        return super().environment()

    def types(self, line: str, expect: int = 0) -> str:
        """What a command says; of a refusal, what it says on standard error."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["--endpoint", self.endpoint, *line.split()])
        assert code == expect, out.getvalue() + err.getvalue()
        assert (err if expect == 0 else out).getvalue() == ""
        return (out if expect == 0 else err).getvalue()

    def reload(self, *words: str) -> list[str]:
        """The lines of `reload` after the file was written as it should be now; nobody is asked."""
        self.write_config()
        return self.types(" ".join(("reload", "--yes", *words))).splitlines()

    def refused(self, expect: int, text: str, line: str = "reload --yes") -> list[str]:
        """What `reload` says of a file with this text."""
        (self.folder / "krakencopy.toml").write_text(text)
        return self.types(line, expect).splitlines()

    def instances(self) -> dict[str, tuple[int, str]]:
        """Process and instance of each account that runs."""
        return {
            account.id: (account.pid, account.instance_id)
            for account in self.accounts().values()
            if account.state == nouns.ACCOUNT_STATE_RUNNING
        }

    def wait_running(self, *users: str) -> dict[str, tuple[int, str]]:
        """Once nobody else is configured and all of them run."""

        def all_there() -> dict[str, tuple[int, str]] | None:
            found = self.instances()
            return found if found.keys() == self.accounts().keys() == {"master", *users} else None

        return wait_for(f"{users} to run", all_there)

    def comes_to(self, user: str, state: str, reason: str = "") -> Any:
        def there() -> Any:
            account = self.accounts()[user]
            is_there = account.state == nouns.AccountState.Value(f"ACCOUNT_STATE_{state}")
            return account if is_there and account.reason == reason else None

        return wait_for(f"{user} to be {state} {reason}", there)

    def trades(self, user: str) -> list[tuple[str, Decimal]]:
        """What a user has traded, by the exchange's record."""
        return [(row["side"], Decimal(row["volume"])) for row in self.paper.fills(user)]

    def waits_for_order_of(self, user: str) -> None:
        """Until one is on its way to the exchange."""
        wait_for(
            "an order on its way", lambda: [c for c in self.copies(user) if not c.HasField("finished_at")]
        )

    def holds(self, user: str) -> Decimal:
        return sum((volume if side == "buy" else -volume for side, volume in self.trades(user)), Decimal(0))

    def settles(self, trade: str, volume: str) -> None:
        """An order of the master that everyone has answered."""
        fills = self.status().head_seq
        (self.buy if trade == "buy" else self.sell)("BTC/USD", volume)
        self.settled(fills + 1)
