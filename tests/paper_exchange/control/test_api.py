"""The control API, over real HTTP."""

import socket
from typing import Any

import pytest

from tests.support.paper_server import SECRET, Client, Server


def test_an_account_is_made_read_listed_and_not_made_twice(server: Server) -> None:
    body = {"id": "tania", "tier": "pro", "balances": {"USD": "10", "XXBT": 1}, "keys": []}
    made = server.control("POST", "/accounts", body)
    assert made.status_code == 200
    account = server.control("GET", "/accounts/tania").json()
    assert account == made.json()
    assert account["balances"] == {"ZUSD": "10.0000", "XXBT": "1.0000000000"}
    assert account in server.control("GET", "/accounts").json()["accounts"]
    again = server.control("POST", "/accounts", body)
    assert again.status_code == 409
    assert "tania" in again.json()["error"]
    assert server.control("GET", "/accounts/nobody").status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": ""}, "id"),
        ({"id": "a/b"}, "id"),
        ({"id": ["a"]}, "id"),
        ({"tier": "gold"}, "tier"),
        ({"balances": []}, "balances"),
        ({"balances": {"NOPE": "1"}}, "balances.NOPE"),
        ({"balances": {"ZUSD": "-1"}}, "balances.ZUSD"),
        ({"balances": {"ZUSD": "1e3"}}, "balances.ZUSD"),
        ({"keys": {}}, "keys"),
        ({"keys": ["k"]}, "keys[0]"),
        ({"keys": [{"key": "", "secret": SECRET}]}, "keys[0].key"),
        ({"keys": [{"key": "k", "secret": "no base64!"}]}, "keys[0].secret"),
        ({"keys": [{"key": "k", "secret": SECRET, "permissions": ["fly"]}]}, "keys[0].permissions"),
        ({"keys": [{"key": "k", "secret": SECRET, "nonce_window": -1}]}, "keys[0].nonce_window"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_account_is_refused_by_the_name_of_the_field(
    server: Server, change: dict[str, Any], field: str
) -> None:
    answer = server.control("POST", "/accounts", {"id": "bad"} | change)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"{field}: ")
    assert server.control("GET", "/accounts/bad").status_code == 404


def test_two_keys_trade_one_account_with_nonces_of_their_own(server: Server) -> None:
    server.control("POST", "/accounts", {"id": "shared", "balances": {"ZUSD": "5"}})
    for key in ("shared-1", "shared-2"):
        assert (
            server.control("POST", "/accounts/shared/keys", {"key": key, "secret": SECRET}).status_code == 200
        )
    for key in ("shared-1", "shared-2"):
        client = Client(server.rest_url, key)
        assert client.call("Balance", nonce="17") == {"ZUSD": "5.0000"}
    server.control("POST", "/accounts", {"id": "other"})
    stolen = server.control("POST", "/accounts/other/keys", {"key": "shared-1", "secret": SECRET})
    assert stolen.status_code == 409
    assert server.control("POST", "/accounts/nobody/keys", {"key": "k", "secret": SECRET}).status_code == 404


def test_a_refused_key_is_mended_and_keeps_its_nonce(server: Server) -> None:
    client = server.account(permissions=["query-open-trades"], ZUSD="5")
    assert client.error("Balance") == "EGeneral:Permission denied"
    owner = server.control("GET", "/requests").json()["requests"][-1]["account"]
    mended = {"key": client.key, "permissions": ["query-funds"]}
    assert server.control("POST", f"/accounts/{owner}/keys", mended).status_code == 200
    assert client.call("Balance") == {"ZUSD": "5.0000"}
    assert client.error("Balance", nonce="1") == "EAPI:Invalid nonce"


def test_a_deleted_key_is_unknown(server: Server) -> None:
    client = server.account(ZUSD="5")
    client.call("Balance")
    owner = server.control("GET", "/requests").json()["requests"][-1]["account"]
    assert server.control("DELETE", f"/accounts/{owner}/keys/{client.key}").status_code == 200
    assert client.error("Balance") == "EAPI:Invalid key"
    assert server.control("DELETE", f"/accounts/{owner}/keys/{client.key}").status_code == 404


def test_a_deposit_adds_and_a_withdrawal_takes_only_what_is_not_held(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    client = server.account(ZUSD="1000")
    client.call("AddOrder", pair="XBTUSD", type="buy", ordertype="limit", price="40000", volume="0.01")
    owner = server.control("GET", "/requests").json()["requests"][-1]["account"]
    path = f"/accounts/{owner}/deposit"
    assert (
        server.control("POST", path, {"asset": "XBT", "amount": "2"}).json()["balances"]["XXBT"]
        == "2.0000000000"
    )
    assert server.control("POST", path, {"asset": "USD", "amount": "-598.4"}).status_code == 200
    refused = server.control("POST", path, {"asset": "USD", "amount": "-0.01"})
    assert refused.status_code == 400
    assert refused.json()["error"].startswith("amount: ")
    assert client.call("BalanceEx")["ZUSD"] == {"balance": "401.6000", "hold_trade": "401.6000"}


@pytest.mark.parametrize(
    ("market", "field"),
    [
        ({"price": "0"}, "price"),
        ({"price": "1.25"}, "price"),
        ({"price": "x"}, "price"),
        ({"price": "1", "depth": "1"}, "price"),
        ({"bid": "2", "ask": "1"}, "bid"),
        ({"bid": "2"}, "ask"),
        ({"bid": "1", "ask": "2", "depth": "0"}, "depth"),
        ({"resume": False}, "resume"),
        ({}, "bid"),
    ],
)
def test_a_bad_market_is_refused_by_the_name_of_the_field(
    server: Server, market: dict[str, Any], field: str
) -> None:
    answer = server.control("POST", "/markets/XBTEUR", market)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"{field}: ")


def test_a_market_is_pinned_and_resumed(server: Server) -> None:
    pinned = server.control("POST", "/markets/DOTUSD", {"bid": 5, "ask": "5.5", "depth": "10"}).json()
    assert pinned == {
        "pair": "DOTUSD",
        "bid": "5.0000",
        "ask": "5.5000",
        "depth": "10.00000000",
        "pinned": True,
    }
    assert server.control("POST", "/markets/DOTUSD", {"resume": True}).json()["pinned"] is False
    assert server.control("POST", "/markets/NOPE", {"price": "1"}).status_code == 404


def test_the_logs_are_numbered_from_1_without_gaps(server: Server) -> None:
    client = server.account(ZUSD="1")
    client.call("Balance")
    rows = server.control("GET", "/requests").json()["requests"]
    assert [row["n"] for row in rows] == list(range(1, len(rows) + 1))
    times = [row["received_ns"] for row in rows]
    assert all(isinstance(at, int) for at in times)
    assert server.control("GET", f"/requests?after={len(rows) - 1}").json()["requests"] == rows[-1:]
    assert server.control("GET", f"/requests?after={len(rows)}").json() == {"requests": []}
    assert server.control("GET", "/fills?after=x").status_code == 400


def test_what_is_not_built_is_not_found(server: Server) -> None:
    assert server.control("POST", "/weather", {"kind": "rain"}).status_code == 404


def test_only_loopback_peers_may_control() -> None:
    running = Server("--host", "0.0.0.0", "--tick-ms", "3600000")  # noqa: S104 - the point of the test
    try:
        port = int(running.rest_url.rsplit(":", 1)[1])
        address = own_address()
        if address is None:
            pytest.skip("this machine has no address but loopback")
        url = f"http://{address}:{port}"
        assert running.http.get(f"{url}/paper/v1/accounts").status_code == 403
        assert running.http.get(f"{url}/0/public/Time").status_code == 200
        assert running.http.get(f"http://127.0.0.1:{port}/paper/v1/accounts").status_code == 200
    finally:
        assert running.stop() == 0


def own_address() -> str | None:
    """An address of this machine that is not loopback; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if address.startswith("127.") else address
