"""What one client may have, and all together; what is beyond is refused with its reason, and no other is."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from google.rpc import error_details_pb2
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from krakencopy.supervisor.control.front_clients import (
    OF_ALL,
    OF_ONE,
    REMOTE_OF_ALL,
    REMOTE_OF_ONE,
    REMOTE_TIME_SHARE,
    TIME_BURST_S,
    TIME_SHARE,
    Client,
    Clients,
)
from tests.support.front import SOMEBODY


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def connected(clients: Clients, key: int) -> Client:
    client = clients.connect(key, SOMEBODY)
    assert client is not None
    return client


def check_refused(client: Client, reason: str, words: str, *, watches: bool) -> None:
    with pytest.raises(GRPCError) as refused, client.call(watches=watches):
        pass
    assert refused.value.status is Status.RESOURCE_EXHAUSTED
    assert words in (refused.value.message or "")
    (info,) = list(refused.value.details or ())
    assert isinstance(info, error_details_pb2.ErrorInfo)
    assert info.reason == reason


@pytest.mark.parametrize(("watches", "reason"), [(False, "TOO_MANY_CALLS"), (True, "TOO_MANY_WATCHES")])
def test_calls_at_once_are_bounded_for_one_client_and_for_all(watches: bool, reason: str) -> None:
    of_one = OF_ONE.watches if watches else OF_ONE.calls
    of_all = OF_ALL.watches if watches else OF_ALL.calls
    clients = Clients()
    greedy, other = connected(clients, 1), connected(clients, 2)
    with ExitStack() as calls:
        for _ in range(of_one):
            calls.enter_context(greedy.call(watches=watches))
        check_refused(greedy, reason, "of this client" if not watches else "this client has", watches=watches)
        with other.call(watches=watches), greedy.call(watches=not watches):
            pass
        for key in range(10, 10 + of_all // of_one - 1):
            client = connected(clients, key)
            for _ in range(of_one):
                calls.enter_context(client.call(watches=watches))
        check_refused(other, reason, f"{of_all}", watches=watches)
    with other.call(watches=watches):
        pass
    assert (clients.calls, clients.watches) == (0, 0)


def test_connections_are_bounded_for_one_client_and_for_all() -> None:
    clients = Clients()
    for _ in range(OF_ONE.connections):
        connected(clients, 1)
    assert clients.connect(1, SOMEBODY) is None
    for number in range(OF_ALL.connections - OF_ONE.connections):
        connected(clients, 2 + number)
    assert clients.connect(1_000, SOMEBODY) is None
    connected_before = clients.connections
    Client(clients, 1_000, SOMEBODY).disconnect()  # one that was refused
    assert clients.connections == connected_before


def test_time_is_used_at_once_and_then_waited_for() -> None:
    clock = Clock()
    client = connected(Clients(clock), 1)
    assert client.spend(TIME_BURST_S) == 0
    assert client.spend(0.1) == pytest.approx(0.1 / TIME_SHARE)
    clock.seconds += 0.1 / TIME_SHARE
    assert client.spend(0.0) == pytest.approx(0)
    clock.seconds += 1_000
    assert client.spend(TIME_BURST_S) == 0
    assert client.spend(0.001) > 0


def test_a_client_that_comes_back_has_used_what_it_has_used() -> None:
    clock = Clock()
    clients = Clients(clock)
    client = connected(clients, 1)
    client.spend(TIME_BURST_S + 1)
    client.disconnect()
    assert clients.connect(1, SOMEBODY) is client
    client.disconnect()
    clock.seconds += 1_000
    other = connected(clients, 2)
    other.disconnect()
    assert len(clients) == 0


def test_those_from_elsewhere_share_a_part_of_the_time_and_leave_the_rest() -> None:
    clock = Clock()
    remote = Clients(clock, REMOTE_OF_ONE, REMOTE_OF_ALL, REMOTE_TIME_SHARE)
    local = connected(Clients(clock), 1)
    some = [remote.known(name) for name in ("anna", "bert", "carl")]
    assert [each.spend(TIME_BURST_S / 2) for each in some[:2]] == [0.0, 0.0]
    # The third has used nothing itself; all together have.
    assert some[2].spend(0.1) == pytest.approx(0.1 / REMOTE_TIME_SHARE)
    assert local.spend(0.1) == 0.0


def test_a_name_is_known_while_it_has_a_call_whatever_its_connections() -> None:
    clock = Clock()
    clients = Clients(clock)
    client = clients.known("bot")
    with client.call(watches=True):
        clients.forget_idle()
        assert clients.known("bot") is client
    assert len(clients) == 0
    assert client.client is client
    client.recognise(clients.known("other"))
    assert client.client is client, "who is at the machine stays what it is"
