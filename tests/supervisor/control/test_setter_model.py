"""Any sequence of settings, restarts and other files leaves each account with the rules of a plain model."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from krakencopy.supervisor.config.reader import parse
from krakencopy.supervisor.config.settings import hold
from krakencopy.supervisor.control.reloader import Reloader
from krakencopy.supervisor.control.setter import Setter
from krakencopy.supervisor.journal.journal import Journal
from tests.support.config_texts import MASTER, PAPER, toml
from tests.support.idle_supervisor import idle_supervisor

GROUP_OF = {"anna": "clients", "ben": None, "carl": "clients"}
#: What there is by default, and other values.
DEFAULTS = {"max_slippage_bps": 50, "max_entry_age_s": 30}
LEVELS = ("", "clients", *GROUP_OF)

places = st.tuples(st.sampled_from(LEVELS), st.sampled_from(sorted(DEFAULTS)))
files = st.tuples(
    st.sets(st.sampled_from(sorted(GROUP_OF)), min_size=1), st.dictionaries(places, st.integers(1, 9))
)
steps = st.lists(
    st.tuples(st.just("set"), places, st.none() | st.integers(11, 19))
    | st.tuples(st.just("start"), files, st.none()),
    max_size=12,
)


def text_of(file: tuple[set[str], dict[tuple[str, str], int]]) -> str:
    """A file with these users and these values; those of others are not written."""
    users, values = file

    def copy_of(target: str) -> str:
        return toml({key: value for (at, key), value in values.items() if at == target})

    lines = [
        f"copy = {copy_of('')}",
        PAPER,
        f'[[groups]]\nid = "clients"\ncopy = {copy_of("clients")}',
        MASTER,
    ]
    for user in sorted(users):
        lines += [f'[[accounts]]\nid = "{user}"\nrole = "user"\nbroker = "kraken"', f"copy = {copy_of(user)}"]
        lines += ['group = "clients"'] if GROUP_OF[user] else []
    return "\n".join(lines)


class Life:
    """Runs of a supervisor on one journal."""

    def __init__(self, path: Path, file: tuple[set[str], dict[tuple[str, str], int]]) -> None:
        self.journal = Journal(path)
        self.file = file
        kept = {(row.target, row.key): row.value for row in self.journal.settings()}
        config = hold(parse(text_of(file), "c"), kept, lambda _config: None, at_all_costs=True)
        self.supervisor = idle_supervisor(path.parent, self.journal, config)
        self.setter = Setter(self.supervisor, Reloader(self.supervisor, None, None))  # type: ignore[arg-type]

    def set(self, target: str, key: str, value: int | None) -> None:
        text = "" if value is None else str(value)
        asyncio.run(self.setter.set_settings(target, {key: text}, "ida", validate_only=False))

    def rule(self, user: str, key: str) -> Any:
        return getattr(self.supervisor.accounts[user].config.copy, key)


@settings(max_examples=40, deadline=None)
@given(files, steps)
def test_the_nearest_level_holds_and_at_a_level_what_was_set(
    first: tuple[set[str], dict[tuple[str, str], int]], then: list[Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, kept = Path(folder) / "journal.db", dict[tuple[str, str], int]()
        life = Life(path, first)
        for verb, what, value in then:
            if verb == "start":
                life.journal.close()
                life = Life(path, what)
            else:
                target, _key = what
                if target not in {"", "clients", *life.file[0]}:
                    continue
                life.set(what[0], what[1], value)
                kept.pop(what, None)
                if value is not None:
                    kept[what] = value
            users, values = life.file
            holds = {
                place: of for place, of in {**values, **kept}.items() if place[0] in {"", "clients", *users}
            }
            for user in users:
                chain = [user, GROUP_OF[user] or "nowhere", ""]
                for key, usual in DEFAULTS.items():
                    said = [holds[level, key] for level in chain if (level, key) in holds]
                    assert life.rule(user, key) == (said or [usual])[0], (user, key)
            gone = {place for place in kept if place[0] not in {"", "clients", *users}}
            assert life.supervisor.config.written.without_effect.keys() == gone
            assert {(row.target, row.key): int(row.value) for row in life.journal.settings()} == kept
        with closing(life.journal):
            pass
