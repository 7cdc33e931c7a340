"""The control API's calls about assets and money: what an account is given, moves and converts, what is
listed and renamed.
"""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Final

from aiohttp import web

from krakencopy.paper_exchange.accounts.account import Account
from krakencopy.paper_exchange.accounts.ledger import BalanceChange, LedgerKind
from krakencopy.paper_exchange.control import forms
from krakencopy.paper_exchange.control.forms import ControlRefusal
from krakencopy.paper_exchange.control.pairs import PAIR_FIELDS, pair_of
from krakencopy.paper_exchange.control.rows import account_row, pair_row
from krakencopy.paper_exchange.rest.rows import balance_text, order_row
from krakencopy.paper_exchange.values import catalogue
from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.pairs import USD, Asset, form_of
from krakencopy.paper_exchange.venue import treasury
from krakencopy.paper_exchange.venue.exchange import Exchange

_LEG_FIELDS: Final = frozenset({"asset", "amount"})


class MoneyControl:
    """The handlers of these calls."""

    def __init__(self, exchange: Exchange, now_us: Callable[[], int]) -> None:
        self._exchange = exchange
        self._now_us = now_us

    def calls(self) -> list[tuple[str, str, Callable[[web.Request], Awaitable[Any]]]]:
        """Method, path and handler of each."""
        return [
            ("POST", "accounts/{id}/deposit", self._deposit),
            ("POST", "accounts/{id}/move", self._move),
            ("POST", "accounts/{id}/convert", self._convert),
            ("POST", "accounts/{id}/margin", self._margin),
            ("POST", "pairs", self._add_pair),
            ("POST", "assets/{asset}/rename", self._rename),
        ]

    async def _deposit(self, request: web.Request) -> Any:
        account = forms.account_named(request.match_info["id"], self._exchange.accounts)
        body = forms.read_body(await request.read(), _LEG_FIELDS | {"futures"})
        asset = self._asset(body.get("asset"), "asset")
        amount = forms.signed(body.get("amount"), "amount")
        futures = forms.flag(body.get("futures", False), "futures")
        if not treasury.deposit(self._exchange, account, asset, amount, self._now_us(), futures=futures):
            raise _too_much("amount", account, asset)
        return account_row(account, self._now_us())

    async def _move(self, request: web.Request) -> Any:
        account = forms.account_named(request.match_info["id"], self._exchange.accounts)
        body = forms.read_body(await request.read(), _LEG_FIELDS | {"form"})
        asset = self._plain_asset(body.get("asset"), "asset")
        suffix, amount = body.get("form"), forms.signed(body.get("amount"), "amount")
        if not isinstance(suffix, str) or not catalogue.is_suffix(suffix):
            raise ControlRefusal(
                400, "form: expected .F, .B, .S, .M, .P, .T, .HOLD, or one with days before it (28.S)"
            )
        if not amount:
            raise ControlRefusal(400, "amount: expected something to move; below 0 moves back")
        if not treasury.move(self._exchange, account, asset, suffix, amount, self._now_us()):
            raise _too_much("amount", account, asset if amount > 0 else form_of(asset, suffix))
        return account_row(account, self._now_us())

    async def _convert(self, request: web.Request) -> Any:
        account = forms.account_named(request.match_info["id"], self._exchange.accounts)
        body = forms.read_body(await request.read(), frozenset({"spend", "receive"}))
        spend, receive = (self._leg(body.get(name), name) for name in ("spend", "receive"))
        if spend[0] is receive[0]:
            raise ControlRefusal(400, "receive.asset: it is what is spent")
        if not treasury.convert(self._exchange, account, spend, receive, self._now_us()):
            raise _too_much("spend.amount", account, spend[0])
        return account_row(account, self._now_us())

    async def _margin(self, request: web.Request) -> Any:
        account = forms.account_named(request.match_info["id"], self._exchange.accounts)
        body = forms.read_body(
            await request.read(), frozenset({"pair", "side", "volume", "leverage", "profit"})
        )
        wanted = forms.margin_order(body, self._exchange.catalogue)
        profit = forms.signed(body.get("profit", "0"), "profit")
        try:
            order = self._exchange.place_on_margin(account, wanted, self._now_us())
        except KrakenError as error:
            raise ControlRefusal(400, f"volume: {error.text}") from None
        if profit:
            self._exchange.book(
                account, (BalanceChange(LedgerKind.MARGIN, wanted.pair.quote, profit),), self._now_us()
            )
        return order_row(order, trades=True)

    def _leg(self, value: Any, field: str) -> tuple[Asset, Decimal]:
        if not isinstance(value, dict) or value.keys() != _LEG_FIELDS:
            raise ControlRefusal(400, f"{field}: expected an object of asset and amount")
        amount = forms.positive(value["amount"], f"{field}.amount")
        return self._asset(value["asset"], f"{field}.asset"), amount

    async def _add_pair(self, request: web.Request) -> Any:
        body = forms.read_body(await request.read(), PAIR_FIELDS)
        pair = pair_of(body, self._exchange.catalogue)
        self._exchange.add_pair(pair, self._now_us())
        return pair_row(pair, self._exchange.conditions)

    async def _rename(self, request: web.Request) -> Any:
        old = self._exchange.catalogue.find_asset(request.match_info["asset"])
        if old is None:
            raise ControlRefusal(404, f"no such asset: {request.match_info['asset']}")
        if old.underlying is not None:
            raise ControlRefusal(400, "asset: its forms are renamed with it")
        body = forms.read_body(await request.read(), frozenset({"to", "keeps_key"}))
        name = body.get("to")
        if not isinstance(name, str) or not catalogue.is_name(name):
            raise ControlRefusal(400, "to: expected up to 16 letters and digits")
        keeps_key = forms.flag(body.get("keeps_key", False), "keeps_key")
        if self._exchange.live:
            raise ControlRefusal(409, "asset: the live market knows it by its name")
        if old is USD:
            raise ControlRefusal(409, "asset: everything is valued in it")
        if not self._exchange.catalogue.free(name):
            raise ControlRefusal(409, f"to: {name} is the name of an asset or a pair already")
        new = treasury.rename(self._exchange, old, name, keeps_key=keeps_key, now_us=self._now_us())
        pairs = [pair.altname for pair in self._exchange.catalogue.pairs_of(new)]
        return {"id": new.id, "altname": new.altname, "name": new.name, "pairs": pairs}

    def _asset(self, name: object, field: str) -> Asset:
        return forms.asset_named(name, field, self._exchange.catalogue)

    def _plain_asset(self, name: object, field: str) -> Asset:
        asset = self._asset(name, field)
        if asset.underlying is not None:
            raise ControlRefusal(400, f"{field}: expected the asset itself; `form` names the form")
        return asset


def _too_much(field: str, account: Account, asset: Asset) -> ControlRefusal:
    return ControlRefusal(400, f"{field}: only {balance_text(asset, account.unheld(asset))} are available")
