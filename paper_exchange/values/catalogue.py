"""The assets and pairs of one exchange: those of the table at first, then what was added and renamed. Pure.

Kraken names a pair four ways, an asset three; forms of an asset (`XBT.F`, `DOT28.S`) are assets of their own
here.
"""

import re
from typing import Final

from krakencopy.paper_exchange.values.pairs import (
    ASSETS,
    PAIRS,
    SUFFIXES,
    TOKENISED_ASSETS,
    TOKENISED_PAIRS,
    Asset,
    Pair,
    form_of,
)  # fmt: skip

# The form of an asset: `.F`, or a bonding time in days and `.S` (`DOT28.S`, `ATOM21.S`).
_SUFFIX: Final = re.compile(
    rf"[0-9]{{0,3}}(?:{'|'.join(re.escape(suffix) for suffix in SUFFIXES)})", re.ASCII
)
_NAME: Final = re.compile(r"[A-Za-z0-9]{1,16}", re.ASCII)


class Catalogue:
    """Who is found by which spelling. `tokenised` is whether the tokenised stocks of the table are there."""

    def __init__(self, *, tokenised: bool = True) -> None:
        self._pairs: list[Pair] = []
        self._assets: list[Asset] = []
        self._pair_by_spelling: dict[str, Pair] = {}
        self._asset_by_spelling: dict[str, Asset] = {}
        for asset in (*ASSETS, *(TOKENISED_ASSETS if tokenised else ())):
            self.add_asset(asset)
        for pair in (*PAIRS, *(TOKENISED_PAIRS if tokenised else ())):
            self.add_pair(pair)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """All pairs, listed or not."""
        return tuple(self._pairs)

    @property
    def assets(self) -> tuple[Asset, ...]:
        """All assets, without their forms."""
        return tuple(self._assets)

    def find_pair(self, spelling: str) -> Pair | None:
        """The pair with this id, altname, v1 name or v2 symbol."""
        return self._pair_by_spelling.get(spelling)

    def find_symbol(self, symbol: str) -> Pair | None:
        """The pair with this WebSocket v2 symbol; v2 knows no other spelling."""
        pair = self._pair_by_spelling.get(symbol)
        return pair if pair is not None and pair.symbol == symbol else None

    def find_asset(self, spelling: str) -> Asset | None:
        """The asset with this id, altname or v2 name; a form of an asset that there is, is there as well."""
        asset = self._asset_by_spelling.get(spelling)
        if asset is not None:
            return asset
        name, dot, kind = spelling.rpartition(".")
        if not dot:
            return None
        for bare in (name, name.rstrip("0123456789")):
            asset, suffix = self._asset_by_spelling.get(bare), name[len(bare) :] + dot + kind
            if asset is not None and asset.underlying is None and is_suffix(suffix):
                return form_of(asset, suffix)
        return None

    def free(self, *spellings: str) -> bool:
        """Whether neither a pair nor an asset is found by any of these."""
        return not any(
            spelling in self._pair_by_spelling or self.find_asset(spelling) is not None
            for spelling in spellings
        )

    def add_asset(self, asset: Asset) -> None:
        """Take in an asset whose spellings are free."""
        self._assets.append(asset)
        self._asset_by_spelling |= dict.fromkeys((asset.id, asset.altname, asset.name), asset)

    def add_pair(self, pair: Pair) -> None:
        """Take in a pair whose spellings are free."""
        self._pairs.append(pair)
        self._pair_by_spelling |= dict.fromkeys((pair.id, pair.altname, pair.wsname, pair.symbol), pair)

    def pairs_of(self, asset: Asset) -> list[Pair]:
        """The pairs that trade an asset, on either side."""
        return [pair for pair in self._pairs if asset in {pair.base, pair.quote}]

    def replace(self, old: Asset, new: Asset) -> list[tuple[Pair, Pair]]:
        """Let an asset be another one from now on, and its pairs others; which pair stands for which."""
        moved = [(pair, pair.renamed(old, new)) for pair in self.pairs_of(old)]
        self._assets.remove(old)
        for spelling in {old.id, old.altname, old.name}:
            del self._asset_by_spelling[spelling]
        for pair, _ in moved:
            self._pairs.remove(pair)
            for spelling in {pair.id, pair.altname, pair.wsname, pair.symbol}:
                del self._pair_by_spelling[spelling]
        self.add_asset(new)
        for _, pair in moved:
            self.add_pair(pair)
        return moved


def is_suffix(text: str) -> bool:
    """Whether a text can follow an asset's name: `.F`, `28.S`."""
    return _SUFFIX.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Whether an asset can have this name."""
    return _NAME.fullmatch(text) is not None
