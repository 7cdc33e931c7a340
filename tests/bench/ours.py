"""(a) krakencopy: a whole system whose master a person trades with a key of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from krakencopy.client.sdk.message_client import MessageClient
from tests.bench.person import PATIENCE_S, Contestant, Person, travels
from tests.bench.timing import RoundRobin
from tests.bench.venue import MASTER_USD, USER_USD, answering, exchange, names
from tests.support.footprint import processes, start_s
from tests.support.system import ROOT, Paper, System, wait_for

#: A machine that is too slow must not be taken for a user that comes too late.
PATIENT = "[copy]\nmax_entry_age_s = 600"


@contextmanager
def started(paper: Paper, users: int, checkout: Path = ROOT) -> Iterator[tuple[System, Person]]:
    """A system that is ready, and its person; its processes run the code of that checkout."""
    path = {"PYTHONPATH": str(checkout / "protos")}
    with System(
        paper, dict.fromkeys(names(users), USER_USD), MASTER_USD, PATIENT, more_environment=path
    ) as system:
        system.start()
        wait_for("a system that is ready", lambda: (seen := system.status()) and seen.ready, PATIENCE_S)
        person = Person(paper)
        yield system, person
        person.close()


def contestant(system: System, person: Person, api: MessageClient) -> Contestant:
    """What it is to be measured beside others."""
    return Contestant(
        system.paper, person, len(system.users), processes(system), lambda: is_at_rest(api, person.orders)
    )


@dataclass(frozen=True, slots=True)
class Running:
    """A whole system with its person, for as long as it is measured."""

    contestant: Contestant
    system: System
    api: MessageClient
    #: From the first user's start to the last one SERVING.
    start_s: float


@contextmanager
def running(users: int, checkout: Path) -> Iterator[Running]:
    """At an exchange of its own."""
    with (
        exchange() as paper,
        started(paper, users, checkout) as (system, person),
        system.api() as api,
    ):
        took_s = start_s(list(api.list_events()))
        yield Running(contestant(system, person, api), system, api, took_s)


def measure(system: System, person: Person, fills: int, answer_ms: int) -> list[RoundRobin]:
    """A round for each fill."""
    with answering(system.paper, answer_ms), system.api() as api:
        return [each.round for each in travels(contestant(system, person, api), fills)]


def is_at_rest(api: MessageClient, fills: int) -> bool:
    """Whether every user has come to its end with so many fills."""
    users = [account for account in api.get_status().accounts if account.id != "master"]
    return all(user.cursor_seq == fills and not user.copies_open for user in users)


def rest(api: MessageClient, person: Person, fills: int | None = None) -> None:
    """Waits for that; for those of the person's orders, unless asked to."""
    wanted = person.orders if fills is None else fills
    wait_for(f"every user's end with {wanted} fills", lambda: is_at_rest(api, wanted), PATIENCE_S)
