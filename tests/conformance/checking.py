"""Rounds of calls: each is tried, timed and set beside the endpoints that the exchange saw meanwhile."""

from __future__ import annotations

import asyncio
import inspect
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, ClassVar, TypeVar

from tests.conformance.world import World

# No call of a client takes this long, unless it waits for something that never comes.
CHECK_S = 20.0
_MARK = "_conformance_calls"

Method = TypeVar("Method", bound=Callable[..., Any])


def calls(what: str) -> Callable[[Method], Method]:
    """Mark a method of a round as a check of these calls of its client."""

    def marked(method: Method) -> Method:
        setattr(method, _MARK, what)
        return method

    return marked


@dataclass(frozen=True)
class Row:
    """What came of one check. `fault` is empty where all was well."""

    client: str
    calls: str
    endpoints: list[str]
    seconds: float
    fault: str


@dataclass
class Report:
    """All rows, and the endpoints that each client called and the exchange does not know."""

    rows: list[Row] = field(default_factory=list)
    unknown: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether all checks passed."""
        return not any(row.fault for row in self.rows)


class RoundRobin:
    """A client's round: its marked methods run in the order in which they are written, on one object."""

    distribution: ClassVar[str]
    part: ClassVar[str] = ""

    def __init__(self, world: World) -> None:
        self.world = world

    async def begin(self) -> None:
        """Connect."""

    async def end(self) -> None:
        """Hang up."""

    @classmethod
    def name(cls) -> str:
        """The client and its version."""
        return f"{cls.distribution} {version(cls.distribution)}{cls.part}"

    def checks(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        """The marked methods."""
        for attribute in vars(type(self)).values():
            if hasattr(attribute, _MARK):
                yield getattr(attribute, _MARK), attribute.__get__(self)


def run(rounds: list[type[RoundRobin]], world: World, report: Report) -> None:
    """Run rounds against one exchange."""
    for kind in rounds:
        before = world.unknown()
        asyncio.run(_run(kind(world), report))
        report.unknown.setdefault(kind.name(), Counter()).update(world.unknown() - before)


async def _run(client: RoundRobin, report: Report) -> None:
    await client.begin()
    try:
        for what, check in client.checks():
            row = await _try(client, what, check)
            report.rows.append(row)
            sys.stdout.write(f"{line(row)}\n")
            sys.stdout.flush()
    finally:
        await client.end()


async def _try(client: RoundRobin, what: str, check: Callable[[], Any]) -> Row:
    before, begun_s, fault = client.world.called(), time.monotonic(), ""
    try:
        result = check()
        if inspect.isawaitable(result):
            await asyncio.wait_for(result, CHECK_S)
    except Exception:  # noqa: BLE001 - whatever a client raises is a finding, and the round goes on
        fault = traceback.format_exc()
    seconds = time.monotonic() - begun_s
    endpoints = [
        name.removeprefix("GET /0/").removeprefix("POST /0/") for name in client.world.called() - before
    ]
    return Row(client.name(), what, endpoints, seconds, fault)


def line(row: Row) -> str:
    """A row of the table."""
    verdict = "FAILED" if row.fault else "ok"
    return (
        f"{row.client:<31} {verdict:<6} {row.seconds * 1000:>6.0f} ms  {row.calls:<58} "
        f"{', '.join(row.endpoints)}"
    )


def summary(report: Report) -> Iterator[str]:
    """What is printed after the table."""
    for row in report.rows:
        if row.fault:
            yield f"\n--- {row.client}: {row.calls}\n{row.fault}"
    yield ""
    yield "Called by a client, and not known to the exchange:"
    names = sorted({name for unknown in report.unknown.values() for name in unknown})
    for name in names:
        yield (
            f"  {name:<34} {', '.join(client for client in report.unknown if name in report.unknown[client])}"
        )
    if not names:
        yield "  nothing"
    failed = sum(1 for row in report.rows if row.fault)
    yield ""
    yield f"{len(report.rows)} calls, {failed} failed"


def raises(kind: type[BaseException], call: Callable[[], Any], text: str = "") -> BaseException:
    """The exception of exactly this kind that a call must raise, with this text somewhere in it."""
    try:
        result = call()
    except Exception as error:  # noqa: BLE001 - it is looked at below
        _expect(error, kind, text)
        return error
    raise AssertionError(f"expected {kind.__name__}, got {result!r}")


async def raises_later(kind: type[BaseException], awaitable: Any, text: str = "") -> BaseException:
    """The same of something that is awaited."""
    try:
        result = await awaitable
    except Exception as error:  # noqa: BLE001 - it is looked at below
        _expect(error, kind, text)
        return error
    raise AssertionError(f"expected {kind.__name__}, got {result!r}")


def _expect(error: Exception, kind: type[BaseException], text: str) -> None:
    assert type(error) is kind, f"expected {kind.__name__}, got {error!r}"
    assert text in str(error), f"expected {text!r} in {error!r}"


def same(found: Any, expected: Any) -> None:
    """Say both where they differ."""
    assert found == expected, f"expected {expected!r}, got {found!r}"
