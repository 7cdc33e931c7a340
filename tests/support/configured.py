"""A supervisor whose loop does not run, with a configuration file that may be another one, keys in files, and
what the API has configured: begun as a start does it.
"""

from __future__ import annotations

import base64
import os
import secrets
import time
from collections.abc import Callable, Coroutine
from functools import partial, wraps
from pathlib import Path
from typing import Any, ParamSpec

from krakencopy.supervisor.accounts.kept_leavers import KeptLeavers
from krakencopy.supervisor.accounts.kept_tables import KeptTables
from krakencopy.supervisor.config.checks import check_notionals
from krakencopy.supervisor.config.credentials import CredentialSource
from krakencopy.supervisor.config.leaving_accounts import with_leavers
from krakencopy.supervisor.config.reader import load
from krakencopy.supervisor.config.settings import hold
from krakencopy.supervisor.control.reloader import Reloader
from krakencopy.supervisor.journal.journal import Journal
from tests.support.front import run
from tests.support.idle_supervisor import idle_supervisor

#: Where accounts of the file have their keys from.
MASTER = '[[accounts]]\nid = "master"\nrole = "master"\nbroker = "kraken"\ncredentials_file = "master.key"\n'
HEAD = '[exchange]\nmode = "paper"\nrest_url = "http://127.0.0.1:1"\nws_url = "ws://127.0.0.1:1"\n'


def user_of_file(name: str, lines: str = "") -> str:
    """A user's table, with its key in a file."""
    return (
        f'[[accounts]]\nid = "{name}"\nrole = "user"\nbroker = "kraken"\ncredentials_file = "{name}.key"\n'
        f"{lines}\n"
    )


def write_key(path: Path, key: str = "", secret: str = "") -> None:
    """A file with an API key, as only its owner can read it; a new key without one."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    key = key or base64.b64encode(secrets.token_bytes(40)).decode()
    secret = secret or base64.b64encode(secrets.token_bytes(64)).decode()
    path.touch(mode=0o600)
    path.write_text(f'key = "{key}"\nsecret = "{secret}"\n')


P = ParamSpec("P")


def played(play: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A test that is played in a loop of its own, within what any machine needs."""

    @wraps(play)
    def test(*args: P.args, **kwargs: P.kwargs) -> None:
        run(play(*args, **kwargs))

    return test


class Configured:
    """One run on the state folder ``folder``, whose file is ``folder/conf/c.toml``."""

    def __init__(self, folder: Path, text: str | None = None) -> None:
        self.folder, self.conf = folder, folder / "conf"
        self.conf.mkdir(mode=0o700, exist_ok=True)
        self.path = self.conf / "c.toml"
        if text is not None:
            self.write(text)
        self.journal = Journal(folder / "journal.db")
        file = load(self.path)
        self.keys = CredentialSource(file, os.environ, self.conf)
        self.tables = KeptTables(self.journal, folder)
        named, self.tables.left_out = self.tables.merged(file, must=())
        kept = KeptLeavers(self.journal)
        leaving = self.tables.leaving(named, kept.by_id, time.time())
        made, _ = with_leavers(named, leaving)
        kept.put_leaving(leaving)
        settings = {(row.target, row.key): row.value for row in self.journal.settings()}
        config = hold(made, settings, partial(check_notionals, traded=()), at_all_costs=True)
        self.supervisor = idle_supervisor(folder, self.journal, config)
        self.reloader = Reloader(self.supervisor, self.path, self.keys, self.tables)

    def write(self, text: str) -> None:
        """Another file. Whatever it names has a key."""
        self.path.touch(mode=0o600)
        self.path.write_text(HEAD + MASTER + text)
        for line in (MASTER + text).splitlines():
            if line.startswith("credentials_file"):
                path = self.conf / line.split('"')[1]
                if not path.exists():
                    write_key(path)

    def key_of_api(self, name: str, **given: str) -> str:
        """A key where accounts of the API may have theirs; how a request names it."""
        write_key(self.folder / "credentials" / name, **given)
        return name

    def again(self, text: str | None = None) -> Configured:
        """The next run."""
        self.close()
        return Configured(self.folder, text)

    def close(self) -> None:
        """Ends this run, as a kill would."""
        self.supervisor.trading.close()
        self.journal.close()

    def events(self, code: str) -> list[Any]:
        return [event for event in self.journal.events_after(0, 1000) if event.code == code]
