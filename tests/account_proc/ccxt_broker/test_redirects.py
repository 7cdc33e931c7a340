"""ccxt follows no redirect: by itself requests would send the signed headers on to any host."""

from __future__ import annotations

import asyncio

import pytest

from krakencopy.account_proc.ccxt_broker.client import CcxtClient, CcxtPriority
from krakencopy.account_proc.contract.errors import ExchangeError
from krakencopy.account_proc.contract.spec import Credentials
from tests.support.odd_exchange import SECRET, odd_exchange, redirect

#: A read that is signed, one that is not, and what places an order: ccxt's own names of Kraken's calls.
CALLS = ("privatePostBalance", "publicGetTime", "privatePostAddOrder")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", CALLS)
def test_a_redirect_is_not_followed_and_no_key_goes_to_another_address(status: int, method: str) -> None:
    async def ask(url: str) -> None:
        client = CcxtClient("kraken", url, Credentials("the-public-key", SECRET), paced=False)
        try:
            with pytest.raises(ExchangeError):
                await client.read(CcxtPriority.READ, method, {}, take=lambda answer: answer)
        finally:
            client.close()

    with odd_exchange() as elsewhere, odd_exchange(redirect(status, f"{elsewhere.url}/0/x")) as exchange:
        asyncio.run(ask(exchange.url))
        assert len(exchange.asked) == 1
        assert ("the-public-key" in str(exchange.asked[0].headers)) == method.startswith("private")
        assert elsewhere.asked == []
