"""What owners of accounts and the exchange do beside the system, in one world: money that moves, own
orders, markets that come and go.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from typing import Any

import requests

from tests.chaos.plan import Action
from tests.chaos.records import Record
from tests.chaos.rows import Deposit, HandOrder
from tests.chaos.terms import ASSETS, PAIRS, RENAMED, ZERO
from tests.support.client import private
from tests.support.system import Key, Paper

#: Own orders are so far from the market that prices never come there.
FAR = Decimal("0.4")
#: What an exchange takes of a convert.
SPREAD = Decimal("0.99")


#: The kinds of actions that are done here.
OWNERS_DO = frozenset(
    {
        "deposit",
        "withdraw",
        "convert",
        "move",
        "move_back",
        "hand_order",
        "hand_cancel",
        "listed",
        "pair_status",
        "house",
        "rename",
    }
)


class Owners:
    """Does it, and writes it down."""

    def __init__(self, paper: Paper, record: Record) -> None:
        self._paper = paper
        self._record = record
        self._keys: dict[str, Key] = {}
        #: What was changed about markets and has to be put back before all can rest.
        self._changed: set[str] = set()
        #: The coin that gets new names: which one it has, and which an operator has not told the system yet.
        self.name = RENAMED
        self.untold: list[tuple[str, str]] = []

    def give_key(self, account: str) -> str:
        """A second key for an account, for its owner; the key's id."""
        self._keys[account] = key = Key.make()
        self._paper.call("POST", f"/accounts/{account}/keys", key=key.key, secret=key.secret)
        return key_id(key)

    def altname(self, pair: str) -> str:
        """How the exchange spells a pair now."""
        return PAIRS[pair].altname.replace(RENAMED, self.name)

    def free(self, account: str, asset: str) -> Decimal:
        """What an account has of an asset and no order holds."""
        asset = self.name if asset == RENAMED else asset
        row = self._paper.call("GET", f"/accounts/{account}")
        return Decimal(row["balances"].get(asset, "0")) - Decimal(row["holds"].get(asset, "0"))

    def order(self, account: str, pair: str, side: str, volume: Decimal, **more: str) -> dict[str, Any]:
        """An order by hand; the whole answer."""
        return private(
            self._paper.rest_url, self._keys[account], "AddOrder", pair=self.altname(pair), type=side,
            volume=f"{volume:f}", **more,
        )  # fmt: skip

    # -- money ----------------------------------------------------------------------------------------------

    def deposit(self, action: Action) -> str:
        return self._give(action.account, action.detail["asset"], Decimal(action.detail["amount"]))

    def withdraw(self, action: Action) -> str:
        amount = self._share(action, action.detail["asset"])
        return self._give(action.account, action.detail["asset"], -amount) if amount else "nothing there"

    def _share(self, action: Action, asset: str) -> Decimal:
        free = self.free(action.account, asset) * Decimal(action.detail["fraction"])
        return _whole(free, asset)

    def _give(self, account: str, asset: str, amount: Decimal) -> str:
        asset = self.name if asset == RENAMED else asset
        self._paper.call("POST", f"/accounts/{account}/deposit", asset=asset, amount=f"{amount:f}")
        self._wrote(account, asset, amount, "deposit")
        return ""

    def _wrote(self, account: str, asset: str, amount: Decimal, kind: str) -> None:
        self._record.deposits.append(
            Deposit(at=time.time(), account=account, asset=asset, amount=amount, kind=kind)
        )

    def convert(self, action: Action) -> str:
        pair = PAIRS[action.detail["pair"]]
        base, quote = pair.asset, ASSETS[pair.quote]
        bid, ask = self._record.last_price(pair.symbol)
        spent, got = (quote, base) if action.detail["to"] == "base" else (base, quote)
        spend = self._share(action, spent)
        receive = _whole((spend / ask if got == base else spend * bid) * SPREAD, got)
        if not spend or not receive:
            return "nothing there"
        self._paper.call(
            "POST", f"/accounts/{action.account}/convert", spend={"asset": spent, "amount": f"{spend:f}"},
            receive={"asset": got, "amount": f"{receive:f}"},
        )  # fmt: skip
        self._wrote(action.account, spent, -spend, "convert")
        self._wrote(action.account, got, receive, "convert")
        return ""

    def move(self, action: Action) -> str:
        amount = self._share(action, action.detail["asset"])
        return self._move(action, amount) if amount else "nothing there"

    def move_back(self, action: Action) -> str:
        amount = self.free(action.account, _form(action))
        return self._move(action, -amount) if amount else "nothing there"

    def _move(self, action: Action, amount: Decimal) -> str:
        asset, form = action.detail["asset"], action.detail["form"]
        self._paper.call(
            "POST", f"/accounts/{action.account}/move", asset=asset, form=form, amount=f"{amount:f}"
        )
        kind = "to .F" if form == ".F" else "move"
        self._wrote(action.account, asset, -amount, kind)
        self._wrote(action.account, _form(action), amount, kind)
        return ""

    # -- orders by hand -------------------------------------------------------------------------------------

    def hand_order(self, action: Action) -> str:
        pair, side = PAIRS[action.detail["pair"]], action.detail["side"]
        bid, ask = self._record.last_price(pair.symbol)
        price = (ask * (1 + FAR) if side == "sell" else bid * (1 - FAR)).quantize(Decimal(1))
        if side == "sell":
            volume = self._share(action, pair.asset)
        else:
            # The fee is held as well.
            volume = _whole(self._share(action, ASSETS[pair.quote]) / price / Decimal("1.01"), pair.asset)
        if volume < pair.ordermin:
            return "nothing there"
        try:
            answer = self.order(
                action.account, pair.symbol, side, volume, ordertype="limit", price=f"{price:f}"
            )
        except requests.RequestException as error:
            answer = {"error": [str(error)[:60]]}
        # Refused or not: a fault that was meant for the system may have fired on this one, and the order is
        # there all the same.
        order_id = "unknown" if answer["error"] else answer["result"]["txid"][0]
        self._record.hand_orders.append(
            HandOrder(
                at=time.time(),
                account=action.account,
                order_id=order_id,
                pair=pair.symbol,
                side=side,
                volume=volume,
                price=price,
            )
        )
        return ", ".join(answer["error"])

    def hand_cancel(self, action: Action) -> str:
        return "" if self._cancel(action.account) else "nothing to cancel"

    def _cancel(self, account: str) -> bool:
        orders = self._record.hand_orders
        mine = [
            index for index, order in enumerate(orders) if order.account == account and not order.cancelled_at
        ]
        if mine:
            private(self._paper.rest_url, self._keys[account], "CancelAll")
        for index in mine:
            orders[index] = replace(orders[index], cancelled_at=time.time())
        return bool(mine)

    # -- markets --------------------------------------------------------------------------------------------

    def listed(self, action: Action) -> str:
        return self._market(action.detail["pair"], listed=action.detail["listed"])

    def pair_status(self, action: Action) -> str:
        return self._market(action.detail["pair"], status=action.detail["status"])

    def _market(self, pair: str, **change: Any) -> str:
        self._paper.call("POST", f"/pairs/{self.altname(pair)}", **change)
        self._changed.add(pair)
        return ""

    def rename(self, action: Action) -> str:
        """The coin has another name and another id from now on, as MATIC got; an operator announces it to the
        system.
        """
        del action
        old, self.name = self.name, f"{RENAMED}{int(self.name.removeprefix(RENAMED) or 0) + 1}"
        self._paper.call("POST", f"/assets/{old}/rename", to=self.name, keeps_key=False)
        self.untold.append((old, self.name))
        return ""

    def house(self, action: Action) -> str:
        self._paper.call("POST", "/house", **action.detail)
        return ""

    # -- coming to rest -------------------------------------------------------------------------------------

    def put_back(self) -> None:
        """Own orders are cancelled, markets are as they were; what is staked comes back, so that exits can
        end.
        """
        private(self._paper.rest_url, self._keys["master"], "CancelAll")
        for account in {order.account for order in self._record.hand_orders}:
            self._cancel(account)
            # Also what was thought to be cancelled while a fault fired.
            private(self._paper.rest_url, self._keys[account], "CancelAll")
        for pair in self._changed:
            self._paper.call("POST", f"/pairs/{self.altname(pair)}", listed=True, status="online")
        self._changed.clear()
        for account, asset, form, amount in self._staked():
            detail = {"asset": asset, "form": form}
            self._move(Action(at=0.0, round=0, kind="move_back", account=account, detail=detail), -amount)

    def _staked(self) -> Iterator[tuple[str, str, str, Decimal]]:
        total: dict[tuple[str, str], Decimal] = {}
        for deposit in self._record.deposits:
            if "." in deposit.asset and deposit.kind == "move":
                key = (deposit.account, deposit.asset)
                total[key] = total.get(key, ZERO) + deposit.amount
        for (account, asset), amount in total.items():
            if amount > 0:
                name = asset.partition(".")[0].rstrip("0123456789")
                yield account, PLAIN[name], asset.removeprefix(name), amount


#: Forms have names of their own: ``XBT.B`` is of ``XXBT``.
PLAIN = {"XBT": "XXBT", "ETH": "XETH", "SOL": "SOL", "USD": "ZUSD"}
NAMES = {asset: name for name, asset in PLAIN.items()}


def _form(action: Action) -> str:
    return NAMES[action.detail["asset"]] + str(action.detail["form"])


def _whole(amount: Decimal, asset: str) -> Decimal:
    step = Decimal("0.0001") if asset in {"ZUSD", "ZEUR"} else Decimal("1e-8")
    return amount.quantize(step, rounding=ROUND_DOWN)


def key_id(key: Key) -> str:
    """What the exchange's records call a key."""
    return hashlib.sha256(key.key.encode()).hexdigest()[:8]
