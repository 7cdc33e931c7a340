"""A server on this machine that answers as Coinbase documents its Advanced Trade API, for the calls that ccxt
makes.

https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api: one account, one product, orders that
fill at once or not at all. Requests to the private part must carry a token signed (ES256) for exactly this
method and path.
"""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Self

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

KEY_NAME = "organizations/11111111-2222-3333-4444-555555555555/apiKeys/66666666-7777-8888-9999-000000000000"
BID, ASK = Decimal("60000.00"), Decimal("60010.00")
FEE_RATE = Decimal("0.006")
PRODUCT = {
    "product_id": "BTC-USD",
    "price": "60005.00",
    "base_increment": "0.00000001",
    "quote_increment": "0.01",
    "price_increment": "0.01",
    "base_min_size": "0.00000001",
    "base_max_size": "3400",
    "quote_min_size": "1",
    "quote_max_size": "150000000",
    "base_currency_id": "BTC",
    "quote_currency_id": "USD",
    "product_type": "SPOT",
    "status": "online",
    "trading_disabled": False,
    "alias": "",
    "alias_to": [],
}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _unpadded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@dataclass
class Coinbase:
    """The server, in a thread of its own, and what it has seen."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    balances: dict[str, Decimal] = field(
        default_factory=lambda: {"USD": Decimal(1000), "BTC": Decimal("0.5")}
    )
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Bodies of the orders that were asked for, whatever became of them.
    asked: list[dict[str, Any]] = field(default_factory=list)
    #: Private calls that were let in.
    calls: list[str] = field(default_factory=list)
    #: How long the tokens are valid that were let in, in seconds.
    token_lives_s: set[int] = field(default_factory=set)
    #: What happens to the next order: "drop_request", "drop_reply", "500", "401", or an answer.
    next_order: Any = None
    url: str = ""

    @property
    def secret(self) -> str:
        """The private key as Coinbase gives it out."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ).decode()

    # -- the server -----------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,))
        self._thread.start()
        started.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        private = "/api/v3/brokerage"
        app = web.Application(middlewares=[self._let_in])
        app.add_routes(
            [
                web.get("/v2/currencies", self._nothing), web.get("/v2/currencies/crypto", self._nothing),
                web.get("/v2/exchange-rates", self._rates),
                web.get(f"{private}/market/products", self._products),
                web.get(f"{private}/market/products/BTC-USD/ticker", self._ticker),
                web.get(f"{private}/transaction_summary", self._summary),
                web.get(f"{private}/accounts", self._accounts),
                web.post(f"{private}/orders", self._new_order),
                web.get(f"{private}/orders/historical/batch", self._list_orders),
                web.get(f"{private}/orders/historical/{{order_id}}", self._get_order),
            ]
        )  # fmt: skip
        runner = web.AppRunner(app, access_log=None)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        self._loop.run_until_complete(site.start())
        host, port = runner.addresses[0]
        self.url = f"http://{host}:{port}"
        started.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    @web.middleware
    async def _let_in(self, request: web.Request, handler: Any) -> web.StreamResponse:
        is_public = request.path.startswith(("/v2/", "/api/v3/brokerage/market/"))
        if not is_public:
            if why := self._token_fault(request):
                return web.json_response({"error": "unauthorized", "message": why}, status=401)
            self.calls.append(f"{request.method} {request.path}")
        response: web.StreamResponse = await handler(request)
        return response

    def _token_fault(self, request: web.Request) -> str:
        """What is wrong with the request's token; empty if nothing is."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        parts = token.split(".")
        if kind != "Bearer" or len(parts) != 3:
            return "no bearer token"
        header, claims = (json.loads(_unpadded(part)) for part in parts[:2])
        raw = _unpadded(parts[2])
        signature = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        try:
            signed = f"{parts[0]}.{parts[1]}".encode()
            self.key.public_key().verify(signature, signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return "the signature is not this key's"
        if (header["alg"], header["kid"], claims["sub"], claims["iss"]) != (
            "ES256",
            KEY_NAME,
            KEY_NAME,
            "coinbase-cloud",
        ):
            return "not this key's token"
        if not claims["nbf"] - 1 <= time.time() < claims["exp"] <= claims["nbf"] + 120:
            return "the token's time is over, or too long"
        self.token_lives_s.add(claims["exp"] - claims["nbf"])
        # Coinbase: "METHOD host/path", without scheme and query. ccxt takes only https:// away.
        method, _, place = claims["uri"].partition(" ")
        if (method, place.removeprefix("http://")) != (request.method, f"{request.host}{request.path}"):
            return f"a token for {claims['uri']}"
        return ""

    # -- what can be asked ----------------------------------------------------------------------------------

    async def _nothing(self, _: web.Request) -> web.Response:
        return web.json_response({"data": []})

    async def _rates(self, _: web.Request) -> web.Response:
        return web.json_response({"data": {"currency": "USD", "rates": {"BTC": "0.0000166", "USD": "1.0"}}})

    async def _products(self, request: web.Request) -> web.Response:
        products = [] if request.query.get("product_type") == "FUTURE" else [PRODUCT]
        return web.json_response({"products": products, "num_products": len(products)})

    async def _ticker(self, _: web.Request) -> web.Response:
        trade = {
            "trade_id": "1",
            "product_id": "BTC-USD",
            "price": "60005.00",
            "size": "0.1",
            "time": _now(),
            "side": "BUY",
        }
        return web.json_response({"trades": [trade], "best_bid": str(BID), "best_ask": str(ASK)})

    async def _summary(self, _: web.Request) -> web.Response:
        rates = {"taker_fee_rate": "0.006", "maker_fee_rate": "0.004"}
        return web.json_response({"total_volume": 0, "total_fees": 0, "fee_tier": rates})

    async def _accounts(self, _: web.Request) -> web.Response:
        accounts = [
            {
                "uuid": f"{asset.lower()}-account",
                "name": f"{asset} Wallet",
                "currency": asset,
                "active": True,
                "ready": True,
                "type": "ACCOUNT_TYPE_FIAT" if asset == "USD" else "ACCOUNT_TYPE_CRYPTO",
                "available_balance": {"value": str(amount), "currency": asset},
                "hold": {"value": "0", "currency": asset},
            }
            for asset, amount in self.balances.items()
        ]
        return web.json_response(
            {"accounts": accounts, "has_next": False, "cursor": "", "size": len(accounts)}
        )

    async def _new_order(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(body)
        what, self.next_order = self.next_order, None
        if isinstance(what, dict):
            return web.json_response(what)
        if what in {"500", "401"}:
            name = {"500": "internal_server_error", "401": "unauthorized"}[what]
            return web.json_response({"error": name, "message": "no more is known"}, status=int(what))
        answer = {} if what == "drop_request" else self._match(body)
        if what in {"drop_request", "drop_reply"}:
            assert request.transport is not None
            request.transport.close()
        return web.json_response(answer)

    def _match(self, body: dict[str, Any]) -> dict[str, Any]:
        """Fills an order at once, or not at all; the answer to it."""
        (style, config), *_ = body["order_configuration"].items()
        is_buy = body["side"] == "BUY"
        price, size = (ASK if is_buy else BID), Decimal(config["base_size"])
        limit = Decimal(config.get("limit_price", price))
        fills = limit >= price if is_buy else limit <= price
        cost = size * price
        if fills and is_buy and cost > self.balances["USD"]:
            why = {
                "error": "INSUFFICIENT_FUND",
                "message": "Insufficient balance in source account",
                "error_details": "",
                "preview_failure_reason": "PREVIEW_INSUFFICIENT_FUND",
            }
            return {
                "success": False,
                "error_response": why,
                "order_configuration": body["order_configuration"],
            }
        order_id = f"order-{len(self.orders) + 1}"
        fee = cost * FEE_RATE if fills else Decimal(0)
        if fills:
            sign = 1 if is_buy else -1
            self.balances["BTC"] += sign * size
            self.balances["USD"] -= sign * cost + fee
        self.orders[order_id] = {
            "order_id": order_id,
            "product_id": "BTC-USD",
            "side": body["side"],
            "client_order_id": body["client_order_id"],
            "order_configuration": body["order_configuration"],
            "status": "FILLED" if fills else "CANCELLED",
            "time_in_force": "IMMEDIATE_OR_CANCEL",
            "created_time": _now(),
            "completion_percentage": "100" if fills else "0",
            "filled_size": str(size if fills else 0),
            "average_filled_price": str(price if fills else 0),
            "number_of_fills": "1",
            "filled_value": str(cost if fills else 0),
            "total_fees": str(fee),
            "settled": True,
            "order_type": "MARKET" if style == "market_market_ioc" else "LIMIT",
            "product_type": "SPOT",
        }
        made = {
            name: self.orders[order_id][name]
            for name in ("order_id", "product_id", "side", "client_order_id")
        }
        return {"success": True, "success_response": made, "order_configuration": body["order_configuration"]}

    async def _list_orders(self, request: web.Request) -> web.Response:
        since = datetime.fromisoformat(request.query.get("start_date", "2020-01-01T00:00:00Z"))
        rows = [row for row in self.orders.values() if datetime.fromisoformat(row["created_time"]) >= since]
        return web.json_response({"orders": rows, "has_next": False, "cursor": "", "sequence": "0"})

    async def _get_order(self, request: web.Request) -> web.Response:
        row = self.orders.get(request.match_info["order_id"])
        if row is None:
            return web.json_response({"error": "NOT_FOUND", "message": "order not found"}, status=404)
        return web.json_response({"order": row})
