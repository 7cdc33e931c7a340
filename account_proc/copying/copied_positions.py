"""What copying holds and carries, as others read it. Changes nothing of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from krakencopy.account_proc.contract.amounts import FIAT
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.exits import Exits
from krakencopy.account_proc.copying.sales import Sales
from krakencopy.account_proc.copying.turns import Turns, coin_of, quote_of
from krakencopy.account_proc.domain.quantities import NO_VOLUME, Side
from krakencopy.v1 import types_pb2 as pb

#: Less than a lot of any pair: nobody can have taken it out.
LEAST_MISSING = Decimal("1e-8")
#: What is paid in a coin is booked in steps, and copying counts with all digits: so many steps are more than
#: three standard deviations of the sum that a hundred trades are off by.
ROUNDED_STEPS = 10
#: Costs are shown to so many decimals.
COST_DECIMALS = 8


@dataclass(frozen=True, slots=True)
class ObstructedExit:
    """How much of a pair is owed, since when something is in its way, when it is tried again (both in Unix
    seconds), and what that is, for people.
    """

    pair: str
    volume: Decimal
    since: float
    next_at: float
    words: str


class CopiedPositions:
    """The copied positions of one user, by coin."""

    def __init__(self, context: CopyContext, exits: Exits, turns: Turns, sales: Sales) -> None:
        self._context = context
        self._sales = sales
        self._book = context.book
        self._exits = exits
        self._turns = turns
        #: Exits that something was in the way of, by pair, as they were shown last.
        self._shown_exits: dict[str, ObstructedExit] = {}

    def held(self, asset: str) -> Decimal:
        """What copying holds of an asset."""
        return self._book.coins.volume(asset)

    def holds_sellable(self) -> bool:
        """Whether copying holds anything that the exchange would take."""
        return self._sales.holds_sellable()

    def pairs(self) -> tuple[str, ...]:
        """Pairs in which copying has bought what it holds."""
        return tuple(position.pair for _, position in self._book.coins if position.volume and position.pair)

    def is_held_unlisted(self, coin: str) -> bool:
        """Whether copying holds a coin, and the exchange lists none of the pairs in which it has bought or
        owes it.
        """
        pairs = {pair for pair, _ in self._book.carried if coin_of(pair) == coin}
        pairs |= {self._book.names.current_pair(self._book.coins.position(coin).pair)} - {""}
        return bool(self.held(coin)) and not any(map(self._context.portfolio.pairs.table.find, pairs))

    def to_proto(self) -> list[pb.CopiedPosition]:
        """All of them in the public API, by name."""
        carried_in: dict[str, list[str]] = {}
        for pair, _ in self._book.carried:
            pairs = carried_in.setdefault(coin_of(pair), [])
            if pair not in pairs:
                pairs.append(pair)
        coins = sorted({*carried_in, *(coin for coin, _ in self._book.coins)})
        return list(filter(None, (self._position(coin, carried_in.get(coin, [])) for coin in coins)))

    def _position(self, coin: str, carried_in: list[str]) -> pb.CopiedPosition | None:
        """A coin's; ``carried_in``: pairs in which something of it is carried. None where there is nothing,
        or only money that came in for coins: that is cash again, whatever it will be spent on.
        """
        position = self._book.coins.position(coin)
        buy, sell = (
            sum((self._book.carried_volume(pair, side) for pair in carried_in), NO_VOLUME).amount
            for side in (Side.BUY, Side.SELL)
        )
        if not any((position.volume, buy, sell)) or (coin in FIAT and not position.pair):
            return None
        pair = position.pair or (carried_in[0] if carried_in else coin)
        return pb.CopiedPosition(
            pair=pair,
            asset=coin,
            exit_owed="; ".join(self._exit_words(coin, carried_in)),
            volume=plain(position.volume),
            cost=_shown(position.costs.get(quote_of(pair), Decimal(0))),
            costs=[pb.Money(amount=_shown(paid), asset=quote) for quote, paid in position.costs.items()],
            carried_buy=plain(buy),
            carried_sell=plain(sell),
            missing_volume=self._missing(coin, position.volume),
        )

    def obstructed_exits(self) -> Iterator[ObstructedExit]:
        """The exits that are owed and that something is in the way of."""
        owed = [pair for pair, side in self._book.carried if side is Side.SELL]
        return self._obstructed(owed + [pair for pair in self._shown_exits if pair not in owed])

    def _obstructed(self, pairs: list[str]) -> Iterator[ObstructedExit]:
        return filter(None, map(self._obstructed_exit, pairs))

    def _obstructed_exit(self, pair: str) -> ObstructedExit | None:
        """While the next try is on its way nothing is carried, and it is owed still. What is left of an exit
        and too small for an order is carried as any other: nothing but its size is in its way.
        """
        owed = self._book.carried_volume(pair, Side.SELL)
        words = self._exits.owed_words(pair, owed)
        if words and not self._sales.is_sellable(pair, owed):
            self._shown_exits.pop(pair, None)
            return None
        if words:
            since = self._exits.since(pair)
            next_at = max(self._exits.not_before(pair), since)
            shown = ObstructedExit(pair, owed.amount, since, next_at, words)
            self._shown_exits[pair] = shown
            return shown
        if self._exits.since(pair) and self._turns.is_traded(coin_of(pair)):
            return self._shown_exits.get(pair)
        self._shown_exits.pop(pair, None)
        return None

    def _exit_words(self, coin: str, carried_in: list[str]) -> Iterator[str]:
        """Why exits are owed, for people."""
        shown = [pair for pair in self._shown_exits if coin_of(pair) == coin and pair not in carried_in]
        return (each.words for each in self._obstructed(carried_in + shown))

    def _missing(self, coin: str, held: Decimal) -> str:
        """What should be there by copying and is not; empty when nothing is missing, or nobody knows."""
        portfolio = self._context.portfolio
        if self._turns.is_traded(coin) or not portfolio.believed or coin in FIAT:
            return ""
        missing = held - (portfolio.holding(coin) - self._context.own_held(coin))
        if missing < LEAST_MISSING or missing < ROUNDED_STEPS * portfolio.pairs.table.cost_step(coin):
            return ""
        return plain(missing)


def _shown(cost: Decimal) -> str:
    return plain(round(cost, COST_DECIMALS))
