"""Private requests that a fault strikes: an order, all bytes of an answer, what the engine has booked."""

import socket
from urllib.parse import urlencode

from tests.support.paper_server import PATIENCE_S, Client

BUY = {"pair": "XBTUSD", "type": "buy", "ordertype": "market", "volume": "0.01"}
FORM = "application/x-www-form-urlencoded"


def raw(client: Client, method: str, **params: str) -> bytes:
    """All bytes that the exchange sends for a request until it closes the connection."""
    path, nonce = f"/0/private/{method}", client.next_nonce()
    body = urlencode({"nonce": nonce, **params}).encode()
    host, port = client.rest_url.removeprefix("http://").split(":")
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAPI-Key: {client.key}\r\n"
        f"API-Sign: {client.sign(path, nonce, body)}\r\nContent-Type: {FORM}\r\nContent-Length: "
        f"{len(body)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), PATIENCE_S) as connection:
        connection.sendall(head.encode() + body)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def owns(client: Client) -> str:
    """The bitcoin that the engine has booked."""
    balance = client.call("Balance").get("XXBT", "0")
    assert isinstance(balance, str)
    return balance.rstrip("0").rstrip(".")
