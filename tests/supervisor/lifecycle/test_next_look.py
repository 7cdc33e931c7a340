"""When an account is looked at again: by what its state waits for."""

from __future__ import annotations

import pytest

from krakencopy.supervisor.lifecycle.next_look import next_look
from krakencopy.supervisor.lifecycle.state_machine import Life, Limits, State


@pytest.mark.parametrize(
    ("life", "at"),
    [
        (Life(state=State.WAITING, reason="SEPARATION_WAIT", deadline=90.0), 70.0),
        (Life(state=State.WAITING, reason="SEPARATION_WAIT", deadline=60.0), 60.0),
        (Life(state=State.WAITING, reason="MASTER_NOT_SERVING", deadline=90.0), 90.0),
        (Life(state=State.STARTING, deadline=50.0), 50.0),
        (Life(state=State.STOPPED), 0.0),
        (Life(state=State.RUNNING, serving_since=10.0, attempt=2), 10.0 + Limits().healthy),
        (Life(state=State.RUNNING, serving_since=10.0), 0.0),
    ],
)
def test_the_next_look_is_when_something_may_be_due(life: Life, at: float) -> None:
    assert next_look(life, 70.0, Limits()) == at
