"""After an order there is quiet, for a moment, and never while something waits."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.runtime.read_deferral import DEFERRAL_S_MAX, ReadDeferral, deferral_s
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.copying_user import User, copying
from tests.support.scripted_kraken import run, until


class Connection:
    """A connection over which an answer has come in."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            self._other = socket.create_connection(server.getsockname())
            self.held, _ = server.accept()
        self._other.sendall(b"HTTP/1.1 200 OK")
        select.select([self.held], [], [], 10.0)

    def rests(self) -> bool:
        """Whether what lies there is not reported."""
        return not select.select([self.held], [], [], 0)[0]

    def close(self) -> None:
        """Both ends."""
        self.held.close()
        self._other.close()

    def hang_up(self) -> None:
        """The other end is gone."""
        self._other.close()
        select.select([self.held], [], [], 10.0)


@pytest.fixture
def connection() -> Iterator[Connection]:
    with closing(Connection()) as made:
        yield made


@pytest.fixture
def another() -> Iterator[Connection]:
    with closing(Connection()) as made:
        yield made


def test_the_more_users_share_a_core_the_longer_it_is() -> None:
    assert deferral_s(100, 2) == 10 * deferral_s(10, 2) == 2 * deferral_s(100, 4)
    assert deferral_s(10_000, 2) == DEFERRAL_S_MAX
    assert deferral_s(1) < 0.01


def test_everyone_rests_until_the_time_is_over(connection: Connection, another: Connection) -> None:
    async def steps() -> None:
        read_deferral = ReadDeferral(0.02)
        read_deferral.join(connection.held)
        read_deferral.join(another.held)
        read_deferral.defer()
        assert connection.rests()
        assert another.rests()
        await until(lambda: not connection.rests())
        assert not another.rests()

    run(steps())


def test_a_quiet_is_not_made_longer_by_another_one(connection: Connection) -> None:
    async def steps() -> None:
        read_deferral = ReadDeferral(0.02)
        read_deferral.join(connection.held)
        read_deferral.defer()
        assert connection.rests()

        def ended() -> bool:
            if connection.rests():
                read_deferral.defer()
            return not connection.rests()

        await until(ended)

    run(steps())


def test_whoever_needs_what_lies_there_ends_it(connection: Connection) -> None:
    async def steps() -> None:
        read_deferral = ReadDeferral(60)
        read_deferral.join(connection.held)
        read_deferral.defer()
        assert connection.rests()
        read_deferral.resume()
        assert not connection.rests()
        read_deferral.resume()
        assert not connection.rests()

    run(steps())


def test_the_end_of_a_connection_is_heard_in_it_and_one_that_is_closed_here_is_passed_over(
    connection: Connection, another: Connection
) -> None:
    async def steps() -> None:
        read_deferral = ReadDeferral(60)
        read_deferral.join(connection.held)
        read_deferral.join(another.held)
        read_deferral.defer()
        assert connection.rests()
        connection.hang_up()
        assert not connection.rests()
        connection.close()
        read_deferral.resume()
        assert not another.rests()

    run(steps())


def test_connections_come_and_go_in_it(connection: Connection, another: Connection) -> None:
    async def steps() -> None:
        read_deferral = ReadDeferral(60)
        read_deferral.join(connection.held)
        read_deferral.defer()
        read_deferral.leave(connection.held)
        read_deferral.join(another.held)
        assert not another.rests()
        read_deferral.resume()
        read_deferral.defer()
        assert another.rests()
        read_deferral.resume()

    run(steps())


def test_what_can_wait_is_called_behind_it_once() -> None:
    async def steps() -> None:
        read_deferral, called = ReadDeferral(60), list[str]()
        read_deferral.run_after(lambda: called.append("no quiet"))
        assert called == [], "whoever says it has not finished"
        await asyncio.sleep(0)
        assert called == ["no quiet"]
        read_deferral.defer()
        read_deferral.run_after(lambda: called.append("first"))
        read_deferral.run_after(lambda: called.append("second"))
        await asyncio.sleep(0)
        assert called == ["no quiet"]
        read_deferral.resume()
        read_deferral.defer()
        read_deferral.resume()
        assert called == ["no quiet", "first", "second"]

    run(steps())


def in_quiet(user: User, connection: Connection) -> Connection:
    user.read_deferral.join(connection.held)
    return connection


def test_an_order_is_followed_by_quiet_and_the_next_fill_ends_it(
    ledger: Ledger, connection: Connection
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.held["AddOrder"] = asyncio.Event()
            feed = in_quiet(user, connection)
            user.fill(Side.BUY)
            await until(feed.rests)
            # Its order cannot leave before the first one's end is known.
            user.fill(Side.BUY)
            assert not feed.rests()
            user.kraken.held["AddOrder"].set()
            await user.done()

    run(steps())


def test_no_quiet_follows_an_order_behind_which_fills_wait(ledger: Ledger, connection: Connection) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.held["AddOrder"] = asyncio.Event()
            feed = in_quiet(user, connection)
            for side in (Side.BUY, Side.SELL, Side.BUY):
                user.fill(side)
            user.kraken.held["AddOrder"].set()
            await until(lambda: len(user.kraken.sent) == 2)
            assert not feed.rests()
            await user.done()

    run(steps())


def test_a_drain_waits_for_no_quiet(ledger: Ledger, connection: Connection) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.held["AddOrder"] = asyncio.Event()
            feed = in_quiet(user, connection)
            user.fill(Side.BUY)
            await until(feed.rests)
            draining = asyncio.create_task(user.copier.drain())
            await until(lambda: not feed.rests())
            user.kraken.held["AddOrder"].set()
            await draining

    run(steps())
