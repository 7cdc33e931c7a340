"""The supervisor's own time is not set with the machine's clock."""

from __future__ import annotations

import time

import pytest

from krakencopy.supervisor.lifecycle import steady_time


def test_times_are_shown_by_the_machines_clock_as_it_is_set_now(monkeypatch: pytest.MonkeyPatch) -> None:
    at = steady_time.now()
    assert steady_time.shown(at) == at
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3600.0)
    assert steady_time.now() - at < 3000
    assert steady_time.shown(at) == pytest.approx(at + 3600, abs=1)
