"""What the master holds of what it bought since the journal began, by coin, under the names of now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from krakencopy.account_proc.contract.copied_coins import (
    CoinNames,
    CopiedCoins,
    Exchanged,
    Position,
    split_pair,
)
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.runtime.sqlite_file import Database
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb


class MasterCoins:
    """Positions and names as the journal's tables have them; ``Journal`` writes what changes."""

    def __init__(
        self, positions: Mapping[str, Position], renames: Iterable[tuple[int, str, str, int]]
    ) -> None:
        """``renames``: number, old name, new name, and by which fill the journal ended then, in order."""
        self._coins = CopiedCoins(dict(positions))
        #: Coins that have other names since, in order.
        self.renames: list[account_pb2.AssetRename] = []
        #: By which fill the journal ended when each of them was renamed.
        self._renamed_after: list[int] = []
        self._names = CoinNames()
        for number, old, new, after_seq in renames:
            self._note_rename(number, old, new, after_seq)

    def _note_rename(self, number: int, old: str, new: str, after_seq: int) -> None:
        self.renames.append(account_pb2.AssetRename(number=number, old_name=old, new_name=new))
        self._renamed_after.append(after_seq)
        self._names.rename(old, new)

    def traded(self) -> list[str]:
        """Coins that were bought or came in since the journal began, by the names of now; also those that the
        master has sold since, as exits of users may be owed in them.
        """
        return [coin for coin, _ in self._coins if self._names.now_of(coin) is None]

    def position(self, coin: str) -> Decimal:
        """How much of a coin the master holds of what it bought since the journal began."""
        return self._coins.volume(self._names.current(coin))

    def pair_of(self, coin: str) -> str:
        """In which pair the master has bought a coin last; empty where it never did."""
        return self._coins.position(self._names.current(coin)).pair

    def held(self) -> Iterator[tuple[str, Position]]:
        """What the master holds of what it bought since the journal began, by coin."""
        return (
            (coin, each) for coin, each in self._coins if each.volume and self._names.now_of(coin) is None
        )

    def current_name(self, coin: str) -> str:
        """The name that a coin has now."""
        return self._names.current(coin)

    def current_pair(self, pair: str) -> str:
        """A pair by the names that its coins have now."""
        return self._names.current_pair(pair)

    def is_known(self, coin: str) -> bool:
        """Whether something was counted under this name, or it was given up for another one."""
        return bool(self._coins.volume(coin)) or self._names.now_of(coin) is not None

    def pair_now(self, fill: pb.Fill) -> str:
        """A fill's pair by the names of now. Each of its names means the coin that had it when the fill
        was made.
        """
        pair = fill.pair.split("/")
        for rename, after_seq in zip(self.renames, self._renamed_after, strict=True):
            if fill.seq <= after_seq and len(pair) > 1:
                pair = [rename.new_name if coin == rename.old_name else coin for coin in pair]
        return "/".join(pair)

    def count_fill(self, fill: pb.Fill) -> None:
        """Counts one more fill; see the function of this name."""
        count_fill(self._coins, fill, self._names)

    def is_renamed(self, old: str, new: str) -> bool:
        """Whether a coin was renamed so before. Raises ValueError for a contradiction."""
        if old == new:
            raise ValueError(f"{new} is {old} already")
        known = self._names.now_of(old)
        if known is not None and known != new:
            raise ValueError(f"{old} was renamed to {known} already")
        return known is not None

    def rename(self, old: str, new: str, after_seq: int) -> None:
        """The coin's position follows it to its new name; fills up to ``after_seq`` have the old one."""
        self._coins.rename(old, new)
        self._note_rename(len(self.renames) + 1, old, new, after_seq)

    def write_changed(self, database: Database) -> None:
        """Writes positions that have changed since they were written last."""
        write_positions(database, self._coins)


def count_fill(coins: CopiedCoins, fill: pb.Fill, coin_names: CoinNames) -> None:
    """Counts one more fill of the master, and says in it what the master held of the base coin before and
    after.
    """
    names = split_pair(fill.pair)
    if names is None:
        return  # a pair that the exchange did not list: nobody copies it
    base, quote = map(coin_names.current, names)
    volume = Decimal(fill.volume)
    fees = {coin_names.current(fill.fee.asset): Decimal(fill.fee.amount)} if fill.fee.amount else {}
    trade = Exchanged(base=base, quote=quote, volume=volume, cost=volume * Decimal(fill.price), fees=fees)
    fill.journal_position = plain(coins.volume(base))
    if fill.not_copied:
        # Nobody follows it: counted, it would be part of what the master's own sales are a fraction of.
        pass
    elif fill.margin:
        coins.paid(fees)
    elif fill.side == pb.SIDE_BUY:
        coins.bought(trade)
    else:
        coins.sold(trade)
    fill.journal_position_after = plain(coins.volume(base))


def write_positions(database: Database, coins: CopiedCoins) -> None:
    """Writes what has changed since it was written last."""
    for coin, position in coins.take_changed():
        database.execute("INSERT OR REPLACE INTO positions VALUES (?, ?)", (coin, position.to_json()))
