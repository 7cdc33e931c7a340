"""(a) krakencopy: a whole system whose master a person trades with a key of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from krakencopy.client.sdk.message_client import MessageClient
from tests.bench.hops import HOP_FILLS, hops
from tests.bench.person import PATIENCE_S, Person, travels
from tests.bench.timing import RoundRobin, Spread
from tests.bench.venue import MASTER_USD, USER_USD, answering, names
from tests.support.system import Paper, System, wait_for

#: A machine that is too slow must not be taken for a user that comes too late.
PATIENT = "[copy]\nmax_entry_age_s = 600"


@contextmanager
def started(paper: Paper, users: int) -> Iterator[tuple[System, Person]]:
    """A system that is ready, and its person."""
    with System(paper, dict.fromkeys(names(users), USER_USD), MASTER_USD, PATIENT) as system:
        system.start()
        wait_for("a system that is ready", lambda: (seen := system.status()) and seen.ready, PATIENCE_S)
        person = Person(paper)
        yield system, person
        person.close()


def measure(
    system: System, person: Person, fills: int, answer_ms: int
) -> tuple[list[RoundRobin], dict[str, Spread]]:
    """A round for each fill; and each hop of a copy, in ms, by name."""
    with answering(system.paper, answer_ms), system.api() as api:
        found = list(travels(system.paper, person, len(system.users), fills, partial(rest, api, person)))
        return [travel.round for travel in found], hops(api, found[-HOP_FILLS:])


def rest(api: MessageClient, person: Person, fills: int | None = None) -> None:
    """Waits until every user has come to its end with so many fills; with those of the person's orders,
    unless asked to.
    """
    wanted = person.orders if fills is None else fills

    def at_rest() -> bool:
        users = [account for account in api.get_status().accounts if account.id != "master"]
        return all(user.cursor_seq == wanted and not user.copies_open for user in users)

    wait_for(f"every user's end with {wanted} fills", at_rest, PATIENCE_S)
