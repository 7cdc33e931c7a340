"""Whose place a connection from elsewhere takes; over real sockets in test_remote_door.py."""

from __future__ import annotations

import time
from typing import Any

from krakencopy.supervisor.control.access_table import AccessTable, Certificate, Known
from krakencopy.supervisor.control.front_access import FrontAccess
from krakencopy.supervisor.control.principals import Role
from krakencopy.supervisor.control.remote_visitor import (
    NAMELESS_OF_ALL,
    NAMELESS_OF_ONE,
    Visitors,
    certificate_of,
)
from tests.support.front import run

SHOWN = Certificate("ab" * 32, ("olga",), time.time() + 600)


class Peer:
    """As ssl shows a client's certificate."""

    def __init__(self, **fields: Any) -> None:
        self.fields = {"notAfter": "Nov 29 00:00:00 2036 GMT", **fields}

    def getpeercert(self, *, binary_form: bool = False) -> Any:
        return b"DER" if binary_form else self.fields


def visitors() -> Visitors:
    found = Visitors.of(FrontAccess())
    found.access.use(
        AccessTable(
            certificates={SHOWN.fingerprint: Known("olga", Role.VIEWER, "", time.time() + 600)}
        ).encoded()
    )
    return found


def ended() -> None:
    """Nothing is ended here."""


def test_names_are_those_of_the_alternative_name_or_the_common_name() -> None:
    subject = ((("commonName", "olga"),),)
    by_subject: Any = Peer(subject=subject)
    assert certificate_of(by_subject).names == ("olga",)  # type: ignore[union-attr]
    names = (("DNS", "box"), ("URI", "spiffe://x/y"), ("IP Address", "1.2.3.4"))
    by_names: Any = Peer(subject=subject, subjectAltName=names)
    found = certificate_of(by_names)
    assert found is not None
    assert found.names == ("box", "spiffe://x/y")
    assert found.expires_at == 2_111_529_600.0


def test_who_is_known_takes_its_own_place_and_who_is_not_that_of_its_address() -> None:
    async def play() -> None:
        of_all = visitors()
        known, unknown = of_all.visit("1.2.3.4", 5, SHOWN, ended), of_all.visit("::1", 6, None, ended)
        assert known is not None
        assert unknown is not None
        assert (known.client.key, known.origin) == ("olga", "tls 1.2.3.4:5")
        assert (unknown.client.key, unknown.origin) == ("::1", "tls [::1]:6")
        assert (of_all.access.clients.connections, of_all.nameless.connections) == (1, 1)
        unknown.recognise(of_all.access.clients.known("bot"))
        unknown.recognise(of_all.access.clients.known("bot"))
        assert unknown.client.key == "bot"
        assert (of_all.access.clients.connections, of_all.nameless.connections) == (2, 0)
        known.disconnect()
        unknown.disconnect()
        assert (of_all.access.clients.connections, of_all.nameless.connections) == (0, 0)
        assert of_all.access.listeners == []

    run(play())


def test_without_a_name_there_are_few_of_an_address_and_of_all() -> None:
    async def play() -> None:
        of_all = visitors()
        there = [of_all.visit("1.2.3.4", 5, None, ended) for _ in range(NAMELESS_OF_ONE.connections)]
        assert of_all.visit("1.2.3.4", 5, None, ended) is None
        more = range(NAMELESS_OF_ALL.connections)
        there += [of_all.visit(f"1.2.4.{number}", 5, None, ended) for number in more]
        assert of_all.nameless.connections == NAMELESS_OF_ALL.connections
        assert of_all.visit("1.2.3.4", 5, SHOWN, ended) is not None
        for visitor in there:
            if visitor is not None:
                visitor.disconnect()

    run(play())
