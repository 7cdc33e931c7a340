"""What a campaign does, drawn up front from one generator: worlds, in them batches, in them rounds of timed
actions.

Pure. An action is data, so that a failing batch can be printed, kept, cut down and done again.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from typing import Any

from tests.chaos import limits, loss_limits
from tests.chaos.faults import Faults
from tests.chaos.quotes import START_PRICES, TICKS, Quotes, whole_lots
from tests.chaos.rows import UserTerms
from tests.chaos.situations import DRAWN, MASTER_USD, Situations, master_balances, pairs, user_coins
from tests.chaos.terms import CROSS_PAIRS, PAIRS

#: Rounds that overlap freely in time, then everything comes to rest and is judged.
ROUNDS_A_BATCH = 5
#: Batches with one exchange and one state folder; then everything begins anew, so that records stay short.
BATCHES_A_WORLD = 20
ROUND_EVERY_S = 0.4


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something to do, so many seconds after its batch began."""

    at: float
    round: int
    kind: str
    account: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Actions of some rounds, in order of time."""

    number: int
    rounds: tuple[int, ...]
    actions: tuple[Action, ...]


@dataclass(frozen=True, kw_only=True)
class World:
    """Users, prices to begin with, and what happens to them."""

    number: int
    users: tuple[UserTerms, ...]
    batches: tuple[Batch, ...]
    #: What the master begins with, by the exchange's asset ids.
    master: dict[str, Decimal] = field(default_factory=lambda: {"ZUSD": MASTER_USD})
    #: The price with which each pair begins.
    prices: dict[str, Decimal] = field(default_factory=lambda: dict(START_PRICES))

    def after(self, played: int) -> World:
        """What is left when so many batches were played: prices of pairs that hang together go on."""
        moves = (action for batch in self.batches[:played] for action in batch.actions)
        moved = {
            action.detail["pair"]: Decimal(action.detail["bid"]) for action in moves if action.kind == "price"
        }
        return replace(self, batches=self.batches[played:], prices=self.prices | moved)


# -- reading and writing -----------------------------------------------------------------------------------


def to_json(world: World) -> str:
    """A world as JSON, one action a line as far as that goes."""
    return json.dumps(asdict(world), default=str, indent=1)


def from_json(text: str) -> World:
    """The inverse of ``to_json``."""
    raw = json.loads(text)
    users = []
    for row in raw["users"]:
        for name in ("usd", "ratio", "max_user_risk", "max_entry_age_s", "multiplier"):
            row[name] = Decimal(row[name])
        row["caps"] = {key: Decimal(limit) for key, limit in row["caps"].items()}
        row["exclude"] = tuple(row["exclude"])
        row["loss_limits"] = tuple(row["loss_limits"])
        row["coins"] = {asset: Decimal(amount) for asset, amount in row["coins"].items()}
        users.append(UserTerms(**row))
    batches = [
        Batch(
            number=row["number"],
            rounds=tuple(row["rounds"]),
            actions=tuple(Action(**action) for action in row["actions"]),
        )
        for row in raw["batches"]
    ]
    master = {asset: Decimal(amount) for asset, amount in raw["master"].items()}
    prices = {pair: Decimal(price) for pair, price in raw["prices"].items()}
    return World(
        number=raw["number"], users=tuple(users), batches=tuple(batches), master=master, prices=prices
    )


def config_line(user: UserTerms) -> str:
    """The user's line in the configuration."""
    parts = [
        f'sizing = "{user.sizing}"',
        f'max_user_risk = "{user.max_user_risk}"',
        f'order = "{user.order}"',
        f"max_slippage_bps = {user.max_slippage_bps}",
        f"max_entry_age_s = {user.max_entry_age_s}",
    ]
    parts.append(
        f'balance = "{user.balance}"' if user.sizing == "balance_ratio" else f'ratio = "{user.ratio}"'
    )
    if user.multiplier != 1:
        parts.append(f'multiplier = "{user.multiplier}"')
    for key, limit in user.caps.items():
        money, number = f'"{limit} USD"', f"{limit:f}"
        parts.append(f"{key} = {number if key in limits.NUMBERS | limits.SHARES else money}")
    if user.exclude:
        parts.append(f"exclude = {json.dumps(user.exclude)}")
    if user.loss_limits:
        parts.append(f"limits = [{', '.join(user.loss_limits)}]")
    return f"copy = {{ {', '.join(parts)} }}"


# -- drawing -----------------------------------------------------------------------------------------------


def campaign(
    seed: int, rounds: int, users: int = 20, *, faults: bool = True, situations: Iterable[str] = DRAWN
) -> list[World]:
    """All worlds of a campaign. The same arguments always give the same."""
    names = frozenset(situations)
    dice = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    worlds: list[World] = []
    done = 0
    while done < rounds:
        master = master_balances(dice, names)
        terms = _users(dice, users, names)
        planner = _Planner(dice, [user.account for user in terms], names, faults=faults)
        batches: list[Batch] = []
        while done < rounds and len(batches) < BATCHES_A_WORLD:
            numbers = tuple(range(done + 1, min(done + ROUNDS_A_BATCH, rounds) + 1))
            batches.append(planner.batch(len(batches) + 1, numbers))
            done = numbers[-1]
        worlds.append(World(number=len(worlds) + 1, users=terms, batches=tuple(batches), master=master))
    return worlds


def _users(dice: random.Random, number: int, names: frozenset[str]) -> tuple[UserTerms, ...]:
    """Users of very different money: every third is tiny; every kind of rules is there when there are
    enough of them.
    """
    users = []
    for index in range(number):
        low, high = ((30, 120), (200, 3_000), (3_000, 60_000))[index % 3]
        special: dict[str, Any] = {}
        match index % 10:
            case 1:
                special = {"max_user_risk": Decimal(dice.choice(["0.01", "0.03", "0.05"]))}
            case 2 | 8:
                special = {"order": "limit_ioc", "max_slippage_bps": dice.choice([5, 20, 50])}
            case 4:
                special = {"max_user_risk": Decimal("1.0")}
            case 5:
                special = {"balance": "cash"}
            case 6:
                special = {"max_entry_age_s": Decimal(2)}
            case 7:
                special = {
                    "sizing": "fixed_ratio",
                    "ratio": Decimal(dice.choice(["0.01", "0.137", "0.3333333333"])),
                }
        usd = Decimal(dice.randint(low * 100, high * 100)) / 100
        coins = user_coins(dice, names, index, usd)
        special |= limits.drawn(index, usd, names)
        special["loss_limits"] = loss_limits.drawn(index, usd, names)
        users.append(UserTerms(account=f"u{index:02d}", usd=usd, coins=coins, **special))
    return tuple(users)


class _Planner:
    """Draws the batches of one world; only prices are remembered, in ``Quotes``."""

    def __init__(self, dice: random.Random, users: list[str], names: frozenset[str], *, faults: bool) -> None:
        self._dice = dice
        self._users = users
        self._names = names
        self._situations = Situations(dice, self._do, self._when, users, names)
        self._faults = Faults(dice, self._do, self._when, users, names) if faults else None
        self._quotes = Quotes(dice, self._do, names)
        self._actions: list[Action] = []
        self._round = 0
        self._start = 0.0

    def batch(self, number: int, rounds: tuple[int, ...]) -> Batch:
        self._actions = []
        for index, self._round in enumerate(rounds):
            self._start = index * ROUND_EVERY_S
            self._trades()
            self._blows()
            self._situations.round()
            if self._faults is not None:
                self._faults.round()
        self._start += ROUND_EVERY_S
        if self._dice.random() < 0.5:
            # Everything that was bought, the coins in which others are paid last; a dollar pair of each coin
            # is enough.
            for offset, pair in enumerate(
                pair for pair in reversed(pairs(self._names)) if pair.endswith("/USD")
            ):
                self._do("market", offset * 0.05, pair=pair, side="sell", fraction="1")
        if "renames" in self._names and self._some(0.3):
            self._do("rename", 0.5)
        self._actions.sort(key=lambda action: action.at)
        return Batch(number=number, rounds=rounds, actions=tuple(self._actions))

    def _do(self, kind: str, offset: float, account: str = "", /, **detail: Any) -> None:
        at = round(self._start + offset, 3)
        self._actions.append(Action(at=at, round=self._round, kind=kind, account=account, detail=detail))

    def _some(self, chance: float) -> bool:
        return self._dice.random() < chance

    def _when(self) -> float:
        return self._dice.uniform(0.0, ROUND_EVERY_S)

    # -- trading --------------------------------------------------------------------------------------------

    def _trades(self) -> None:
        for _ in range(self._dice.choice([1, 1, 2, 2, 3])):
            crosses = "cross_pairs" in self._names and self._some(0.3)
            pair = self._dice.choice(
                CROSS_PAIRS if crosses else [pair for pair in pairs(self._names) if pair not in CROSS_PAIRS]
            )
            offset = self._when()
            if self._some(0.6):
                self._quotes.move(pair, offset - 0.02)
            if self._some(0.25):
                self._resting(pair, offset)
            elif self._some(0.6):
                self._do("market", offset, pair=pair, side="buy", **self._size(pair), **self._flags())
            else:
                old = {"old": True} if "old_stock" in self._names and self._some(0.1) else {}
                self._do(
                    "market",
                    offset,
                    pair=pair,
                    side="sell",
                    fraction=self._fraction(),
                    **old,
                    **self._flags(),
                )

    def _size(self, pair: str) -> dict[str, str]:
        """How much is bought: in a cross pair, a share of what there is to pay with."""
        if pair in CROSS_PAIRS:
            return {"of_quote": self._dice.choice(["0.02", "0.05", "0.2", "0.5", "0.95"])}
        return {"volume": str(self._volume(pair))}

    def _flags(self) -> dict[str, str]:
        """At times the fee is taken in the coin."""
        return {"oflags": "fcib"} if "base_fees" in self._names and self._some(0.15) else {}

    def _fraction(self) -> str:
        return self._dice.choice(["0.1", "0.25", "0.3333", "0.5", "0.5", "0.75", "1", "1", "1"])

    def _volume(self, pair: str) -> Decimal:
        """For a buy: mostly a few percent of the master's money, at times enough to hit the cap."""
        share = (
            self._dice.uniform(0.1, 0.3) if self._some(0.15) else 0.002 * 30 ** self._dice.uniform(0.0, 1.0)
        )
        volume = MASTER_USD * Decimal(str(round(share, 6))) / self._quotes.prices[pair]
        return max(whole_lots(volume), PAIRS[pair].ordermin)

    def _resting(self, pair: str, offset: float) -> None:
        """An order beside the market, which may come to it later: in parts, as the depth is."""
        side = self._dice.choice(["buy", "sell"])
        gap = Decimal(self._dice.randint(5, 60)) / 10_000
        tick = TICKS[pair]
        price = self._quotes.prices[pair] * (1 - gap if side == "buy" else 1 + gap)
        limit = (price / tick).quantize(Decimal(1)) * tick
        size = self._size(pair) if side == "buy" else {"fraction": self._fraction()}
        self._do("limit", offset, pair=pair, side=side, price=f"{limit:f}", **size)
        if self._some(0.7):
            self._quotes.quote_all(pair, limit, offset + self._dice.uniform(0.05, 0.5))
            if self._some(0.5):
                self._quotes.quote_all(pair, limit, offset + self._dice.uniform(0.5, 0.9))

    # -- blows ----------------------------------------------------------------------------------------------

    def _blows(self) -> None:
        dice = self._dice
        if self._some(0.35):
            self._do("kill", self._when(), dice.choice(self._users))
        if self._some(0.12):
            self._do("stop", self._when(), dice.choice(self._users), seconds=round(dice.uniform(0.2, 3.0), 2))
        if self._some(0.08):
            self._do("kill", self._when(), "master")
        if self._some(0.05):
            self._do("stop", self._when(), "master", seconds=round(dice.uniform(0.2, 2.5), 2))
        if self._some(0.03):
            self._do("kill_supervisor", self._when(), seconds=round(dice.uniform(0.0, 1.0), 2))
        if self._some(0.02):
            self._do("stop_supervisor", self._when(), seconds=round(dice.uniform(0.2, 2.0), 2))
        if self._some(0.03):
            self._do("kill_forkserver", self._when())
        if self._some(0.05):
            self._do("disk_full", self._when(), dice.choice(self._users))
        if self._some(0.02):
            self._do("disk_full_journal", self._when())
        if self._some(0.05):
            user, offset = dice.choice(self._users), self._when()
            self._do("pause", offset, user)
            self._do("resume", offset + dice.uniform(0.3, 2.5), user)
        if self._some(0.04):
            self._money()

    def _money(self) -> None:
        user = self._dice.choice(self._users)
        if self._some(0.2):
            pair = PAIRS[self._dice.choice(pairs(self._names))]
            # A share of what is there: copied coins and own ones alike.
            self._do(
                "withdraw", self._when(), user, asset=pair.asset, fraction=self._dice.choice(["0.3", "1"])
            )
        else:
            amount = self._dice.choice(["50", "500", "-10", "-100"])
            self._do("deposit", self._when(), user, asset="ZUSD", amount=amount)
