"""Which private requests a fault strikes, and how faults are set, listed and deleted."""

from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from tests.support.faulty_requests import BUY, FORM
from tests.support.paper_server import SECRET, Client, Server

# --- which requests


def test_other_accounts_and_methods_go_on_undisturbed(faulty: Server, client: Client) -> None:
    number = faulty.fault("drop_reply", account=client.account, method="AddOrder", count=0)
    other = faulty.account(ZUSD="10000")
    assert other.call("AddOrder", **BUY)["txid"]
    assert client.call("Balance") == {"ZUSD": "10000.0000"}
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            client.answer("AddOrder", **BUY)
    assert faulty.fired(number) == 2
    assert faulty.outcomes(other) == [("AddOrder", "ok", None)]


def test_after_count_and_delete_say_which_requests_are_struck(faulty: Server, client: Client) -> None:
    number = faulty.fault("error", account=client.account, error="EService:Busy", after=1, count=2)
    errors = [client.answer("Balance")["error"] for _ in range(4)]
    assert errors == [[], ["EService:Busy"], ["EService:Busy"], []]
    lasting = faulty.fault("error", account=client.account, error="EService:Busy", count=0)
    assert lasting > number
    assert client.error("Balance") == "EService:Busy"
    assert faulty.control("DELETE", f"/faults/{lasting}").json() == {"deleted": [lasting]}
    assert client.answer("Balance")["error"] == []
    assert faulty.control("DELETE", f"/faults/{lasting}").status_code == 404


def test_an_unknown_key_is_struck_by_nothing(faulty: Server) -> None:
    number = faulty.fault("error", error="EService:Busy", count=0)
    assert Client(faulty.rest_url, "nobody's").error("Balance") == "EAPI:Invalid key"
    assert faulty.fired(number) == 0


def pattern(name: str, seed: int, *, company: bool) -> list[tuple[str, str | None]]:
    """What befalls twenty requests of an account on an exchange of its own, alone or beside another
    account.
    """
    running = Server("--tick-ms", "3600000")
    try:
        clients = []
        for number, account in enumerate([name, "company"]):
            key = {"key": f"k{number}", "secret": SECRET}
            assert running.control("POST", "/accounts", {"id": account, "keys": [key]}).status_code == 200
            clients.append(Client(running.rest_url, f"k{number}"))
            clients[-1].account = account
        running.fault("html_5xx", probability=0.4, seed=seed, count=0)
        running.fault("error", error="EService:Busy", probability=0.4, seed=seed, count=0)
        for number in range(20):
            for client in clients[: 1 + (company and number % 3 > 0)]:
                nonce = client.next_nonce()
                client.post("Balance", urlencode({"nonce": nonce}).encode(), nonce, FORM)
        return [outcome[1:] for outcome in running.outcomes(clients[0])]
    finally:
        for client in clients:
            client.http.close()
        assert running.stop() == 0


def test_a_seed_strikes_the_same_requests_of_an_account_again_whoever_else_is_there() -> None:
    alone = pattern("tania", 3, company=False)
    assert pattern("tania", 3, company=True) == alone
    assert {fault for _, fault in alone} == {None, "html_5xx", "error"}


# --- the control API


def test_faults_are_listed_with_all_that_they_have_until_they_are_deleted(
    faulty: Server, client: Client
) -> None:
    first = faulty.fault("hang_reply", account=client.account, method="AddOrder", delay_ms=5)
    second = faulty.fault("ordermin", pair="XBT/USD", ordermin="0.001")
    client.call("AddOrder", **BUY)
    rows = faulty.control("GET", "/faults").json()["faults"]
    expected: list[dict[str, Any]] = [
        {
            "id": first,
            "kind": "hang_reply",
            "account": client.account,
            "method": "AddOrder",
            "count": 1,
            "after": 0,
            "probability": "1",
            "seed": 0,
            "delay_ms": 5,
            "never": False,
            "matched": 1,
            "fired": 1,
        },
        {
            "id": second,
            "kind": "ordermin",
            "pair": "XBTUSD",
            "ordermin": "0.001",
            "costmin": None,
            "stale": False,
            "matched": 0,
            "fired": 0,
        },
    ]
    assert rows == expected
    assert faulty.control("DELETE", "/faults").json() == {"deleted": [first, second]}
    assert faulty.control("GET", "/faults").json() == {"faults": []}


def test_a_bad_fault_is_refused_and_none_is_set(faulty: Server) -> None:
    for body, field in (
        ({"kind": "drop"}, "kind"),
        ({"kind": "drop_reply", "account": "nobody"}, "account"),
        ({"kind": "drop_reply", "probability": 2}, "probability"),
        ({"kind": "drop_reply", "delay_ms": 5}, "delay_ms"),
        ({"kind": "drop_reply", "colour": "red"}, "colour"),
        ([], "body"),
    ):
        answer = faulty.control("POST", "/faults", body)
        assert answer.status_code == 400
        assert answer.json()["error"].startswith(f"{field}: ")
    assert faulty.control("GET", "/faults").json() == {"faults": []}
    assert faulty.control("DELETE", "/faults/x").status_code == 404
