"""So many calls and watches at once: of one token, and of all."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from connectrpc.errors import ConnectError

from krakencopy.client.gateway.slots import CALLS_OF_ONE_MAX, WATCHES_MAX, WATCHES_OF_ONE_MAX, Slots


@pytest.mark.parametrize("watches", [True, False])
def test_one_token_leaves_room_for_others(watches: bool) -> None:
    slots, most = Slots(), WATCHES_OF_ONE_MAX if watches else CALLS_OF_ONE_MAX
    with ExitStack() as taken:
        for _ in range(most):
            taken.enter_context(slots.take("one", watches=watches))
        with pytest.raises(ConnectError, match="this token has"), slots.take("one", watches=watches):
            pass
        with slots.take("other", watches=watches), slots.take("one", watches=not watches):
            pass
    with slots.take("one", watches=watches):
        pass


def test_all_together_have_no_more_than_the_front_gives_one_client() -> None:
    slots = Slots()
    with ExitStack() as taken:
        for number in range(WATCHES_MAX):
            taken.enter_context(slots.take(f"token {number}", watches=True))
        with pytest.raises(ConnectError, match="the gateway has 50 watches"), slots.take("x", watches=True):
            pass
