"""The table of a conformance run, against a real exchange and a client that is none of the three."""

import sys
from collections.abc import Iterator
from typing import ClassVar

import pytest
import requests

from tests.conformance.checking import Report, RoundRobin, calls, line, run, same, summary
from tests.conformance.world import World


class Browser(RoundRobin):
    distribution: ClassVar[str] = "requests"

    @calls("Time")
    def works(self) -> None:
        same(requests.get(f"{self.world.rest_url}/0/public/Time", timeout=5).json()["error"], [])

    @calls("Weather")
    def fails(self) -> None:
        same(requests.get(f"{self.world.rest_url}/0/public/Weather", timeout=5).json()["error"], [])


@pytest.fixture
def world() -> Iterator[World]:
    running = World(sys.executable, 0)
    yield running
    running.close()


def test_a_failure_is_told_with_what_was_called_and_the_others_go_on(world: World) -> None:
    report = Report()
    run([Browser, Browser], world, report)
    assert [(row.calls, row.endpoints) for row in report.rows] == [
        ("Time", ["public/Time"]),
        ("Weather", ["public/Weather"]),
    ] * 2
    time, weather, *_ = report.rows
    assert not time.fault
    assert "expected [], got ['EGeneral:Unknown method']" in weather.fault
    assert not report.clean
    assert ("ok" in line(time), "FAILED" in line(weather)) == (True, True)
    text = "\n".join(summary(report))
    assert f"  GET /0/public/Weather              {Browser.name()}" in text
    assert "4 calls, 2 failed" in text
