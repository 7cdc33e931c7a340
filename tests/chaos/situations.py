"""Situations beside kills and faults that a campaign can draw, each by a name: what accounts hold, what their
owners do beside the system, what becomes of markets. Pure; ``owners.py`` does what is drawn here.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from tests.chaos.terms import CROSS_PAIRS, DOLLAR_PAIRS, PAIRS, RENAMED_PAIR

ALL = (
    "old_stock",
    "cross_pairs",
    "base_fees",
    "master_money",
    "converts",
    "earn",
    "staking",
    "holds",
    "unlisted",
    "clock_steps",
    "market_refused",
    "minimum_words",
    "market_modes",
    "renames",
    "states",
    "loss_limits",
)
#: Those that the system is known to be right in.
DRAWN = ALL
MASTER_USD = Decimal(20_000)
#: What the master owns of coins that it trades, before copying begins.
OLD_STOCK = {"XXBT": Decimal("0.4"), "XETH": Decimal(3), "SOL": Decimal(40)}
CROSS_MONEY = {"ZEUR": Decimal(6_000), "USDT": Decimal(5_000)}

Do = Callable[..., None]


def master_balances(dice: random.Random, names: frozenset[str]) -> dict[str, Decimal]:
    """What the master begins with."""
    balances = {"ZUSD": MASTER_USD}
    if "cross_pairs" in names:
        balances |= CROSS_MONEY
    if "old_stock" in names:
        balances |= {asset: amount for asset, amount in OLD_STOCK.items() if dice.random() < 0.6}
    return balances


def user_coins(dice: random.Random, names: frozenset[str], index: int, usd: Decimal) -> dict[str, Decimal]:
    """What a user begins with beside dollars."""
    coins = {"XXBT": Decimal("0.01"), "XETH": Decimal("0.2")} if index % 7 == 3 else {}
    if "old_stock" in names and index % 3 == 1:
        coins = {"XXBT": Decimal(dice.randint(1, 30)) / 1000, "SOL": Decimal(dice.randint(1, 50)) / 10}
    # Some own none of a quote that the master trades.
    if "cross_pairs" in names and index % 4 != 3:
        share = Decimal(dice.randint(5, 50)) / 100
        coins = coins | {
            "ZEUR": (usd * share).quantize(Decimal("0.01")), "USDT": (usd * share).quantize(Decimal("0.01"))
        }  # fmt: skip
    return coins


def pairs(names: frozenset[str]) -> tuple[str, ...]:
    """The pairs whose prices move."""
    renamed = (RENAMED_PAIR,) if "renames" in names else ()
    return (*DOLLAR_PAIRS, *renamed, *(CROSS_PAIRS if "cross_pairs" in names else ()))


@dataclass
class Draws:
    """What is drawn for users, by the names of what is wanted; it is done by ``_do`` at ``_when``."""

    _dice: random.Random
    _do: Do
    _when: Callable[[], float]
    _users: list[str]
    _names: frozenset[str]

    def _some(self, chance: float) -> bool:
        return self._dice.random() < chance


@dataclass
class Situations(Draws):
    """Draws the situations of one round."""

    def __post_init__(self) -> None:
        #: How far the exchange's clock was set, so that it comes back.
        self._clock = Decimal(0)
        #: Not in each world: where it is set, judges cannot go by times.
        self._clock_moves = "clock_steps" in self._names and self._some(0.4)

    def round(self) -> None:
        """What happens in a round."""
        for name, chance, draw in (
            ("master_money", 0.25, self._master_money),
            ("converts", 0.12, self._convert),
            ("earn", 0.30, self._earn),
            ("staking", 0.10, self._stake),
            ("holds", 0.30, self._hold),
            ("unlisted", 0.10, self._unlist),
            ("clock_steps", 0.10, self._step_clock),
            ("market_refused", 0.12, self._refuse_market),
            ("market_modes", 0.06, self._market_mode),
            ("minimum_words", 0.05, self._words),
            ("states", 0.30, self._say),
        ):
            if name in self._names and (name != "clock_steps" or self._clock_moves) and self._some(chance):
                draw()

    def _pair(self) -> str:
        return self._dice.choice(pairs(self._names))

    def _master_money(self) -> None:
        """A deposit right before an order that needs it, or money that goes."""
        offset = self._when()
        if self._some(0.7):
            self._do(
                "deposit", offset, "master", asset="ZUSD", amount=self._dice.choice(["500", "4000", "20000"])
            )
            pair = self._dice.choice(DOLLAR_PAIRS)
            share = self._dice.choice(["0.05", "0.2", "0.9"])
            self._do(
                "market", offset + self._dice.choice([0.0, 0.01, 0.1]), pair=pair, side="buy", of_quote=share
            )
        elif self._some(0.5):
            self._do("withdraw", offset, "master", asset="ZUSD", fraction="0.2")
        else:
            asset = PAIRS[self._dice.choice(DOLLAR_PAIRS)].asset
            self._do("withdraw", offset, "master", asset=asset, fraction=self._dice.choice(["0.1", "0.5"]))

    def _convert(self) -> None:
        """Coins to dollars or back without a trade, of the master or a user."""
        account = "master" if self._some(0.4) else self._dice.choice(self._users)
        self._do(
            "convert",
            self._when(),
            account,
            pair=self._dice.choice(DOLLAR_PAIRS),
            to=self._dice.choice(["base", "quote"]),
            fraction=self._dice.choice(["0.05", "0.2"]),
        )

    def _earn(self) -> None:
        """Auto Earn takes coins or dollars, and gives some back by itself."""
        account = "master" if self._some(0.4) else self._dice.choice(self._users)
        asset = self._dice.choice(["XXBT", "XETH", "SOL", "ZUSD", "ZUSD"])
        offset = self._when()
        self._do(
            "move", offset, account, asset=asset, form=".F", fraction=self._dice.choice(["0.5", "0.9", "1"])
        )
        if self._some(0.4):
            self._do("move_back", offset + self._dice.uniform(0.1, 2.0), account, asset=asset, form=".F")

    def _stake(self) -> None:
        """Coins that no order sells until they are back."""
        account = "master" if self._some(0.4) else self._dice.choice(self._users)
        asset, form = self._dice.choice([("XETH", ".S"), ("SOL", ".S"), ("SOL", "28.S"), ("XXBT", ".B")])
        offset = self._when()
        self._do("move", offset, account, asset=asset, form=form, fraction=self._dice.choice(["0.3", "1"]))
        self._do("move_back", offset + self._dice.uniform(0.2, 2.0), account, asset=asset, form=form)

    def _hold(self) -> None:
        """A user's own order far from the market, which holds its money or coins."""
        user, offset = self._dice.choice(self._users), self._when()
        self._do(
            "hand_order",
            offset,
            user,
            pair=self._dice.choice(DOLLAR_PAIRS),
            side=self._dice.choice(["buy", "sell"]),
            fraction=self._dice.choice(["0.3", "0.9", "1"]),
        )
        if self._some(0.6):
            self._do("hand_cancel", offset + self._dice.uniform(0.2, 2.5), user)

    def _unlist(self) -> None:
        """A pair is not in the listing for a while; the master trades it all the same."""
        pair, offset = self._pair(), self._when()
        self._do("listed", offset, pair=pair, listed=False)
        if self._some(0.7):
            self._do("market", offset + 0.05, pair=pair, side="buy", of_quote="0.03")
        if self._some(0.6):
            # Who starts now has never read the pair, unless it remembers it.
            self._do("kill", offset + 0.02, self._dice.choice(["master", *self._users]))
        self._do("listed", offset + self._dice.uniform(0.5, 4.0), pair=pair, listed=True)

    def _step_clock(self) -> None:
        """The exchange's clock and this machine's part, by seconds, and meet again.

        Not by more: nobody else's clock can be set here than the exchange's, and one that goes back a minute
        gives trades times at which everybody has already looked. A machine that is a minute wrong is a
        situation of its own (tests/situations).
        """
        back, self._clock = self._clock, Decimal(self._dice.choice(["0", "3", "-3", "6", "-6"]))
        if self._clock != back:
            self._do("clock", self._when(), seconds=str(self._clock))

    def _refuse_market(self) -> None:
        """One market is refused to one account."""
        method = self._dice.choice([{}, {"method": "AddOrder"}, {"method": "Ticker"}])
        error = self._dice.choice(
            ["EGeneral:Permission denied", "EAccount:Invalid permissions:SOL trading restricted"]
        )
        self._do(
            "fault",
            self._when(),
            self._dice.choice(self._users),
            kind="market_refused",
            pair=PAIRS[self._pair()].altname,
            error=error,
            count=self._dice.choice([1, 2, 5]),
            **method,
        )

    def _market_mode(self) -> None:
        """A market takes only some orders for a while."""
        pair, offset = self._pair(), self._when()
        status = self._dice.choice(["limit_only", "post_only", "cancel_only"])
        self._do("pair_status", offset, pair=pair, status=status)
        self._do("pair_status", offset + self._dice.uniform(0.2, 3.0), pair=pair, status="online")

    def _say(self) -> None:
        """Operators stop an account, or all, and lift that; or have one sell what copying bought, and resume
        it.
        """
        offset, later = self._when(), self._dice.uniform(0.1, 2.5)
        who = self._dice.choice(["", self._dice.choice(self._users), self._dice.choice(self._users)])
        if who and self._some(0.3):
            self._do("say", offset, who, state="REDUCING", flatten=True)
        else:
            self._do("say", offset, who, state=self._dice.choice(["REDUCING", "HALTED", "HALTED"]))
        self._do("say", offset + later, who, state="ACTIVE")

    def _words(self) -> None:
        """Too small orders are refused in the documented words, or in those that were seen."""
        self._do("house", self._when(), minimum_words=self._dice.choice(["arguments", "order"]))
