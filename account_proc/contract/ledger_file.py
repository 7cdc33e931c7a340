"""What others than its own process may read in an account's ledger: what copying holds there, which balances
its process knew last, and whose the ledger is. The supervisor's journal says in the same way whose it is.

Tables and columns are those of account_proc/state/ledger.py; this module's tests read real ones. Nothing here
changes a file, makes one beside it, or waits for the ledger's process. Who reads by this must not know more
of a ledger's form.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from krakencopy.account_proc.contract.copied_coins import CopiedCoins, Exchanged, Position
from krakencopy.account_proc.contract.loss_counting import LimitState

#: The schema that ledgers have now, and the last one that had positions by pair: ``ledger_view`` reads both,
#: and those before.
READABLE_SCHEMA, BY_PAIR_SCHEMA = 4, 3
#: Under which name a ledger keeps the exchange's rules of pairs (state/pair_memory.py), and where in the row
#: of one is what others may know: name, decimals of a volume, tick, least volume and cost, status.
PAIRS = "pairs"
_NAME, _LOT_DECIMALS, _TICK, _ORDERMIN, _COSTMIN, _STATUS = 3, 6, 9, 10, 11, 12
#: Under which name a ledger keeps balances, as ``balances_text`` has them.
BALANCES = "balances"
#: Under which name a ledger keeps limits to losses, and how names of what is counted there for all users
#: together begin.
LIMITS, TOTAL = "limits", "total:"


@dataclass(frozen=True, slots=True)
class Held:
    """Of an asset: all of it, and what open orders held (None: nobody knows)."""

    volume: Decimal
    in_orders: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPair:
    """The exchange's rules of a pair as they were read last: decimals as text."""

    name: str
    ordermin: str
    costmin: str
    tick_size: str
    lot_decimals: int
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerView:
    """What a ledger says. Times in Unix seconds."""

    #: When it was last written.
    written_at: float
    cursor: int = 0
    #: By coin; and what waits, by pair and side ("buy", "sell").
    positions: Mapping[str, Position] = field(default_factory=dict)
    carried: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    #: By asset, as they were read then; None where none were kept.
    balances: Mapping[str, Held] = field(default_factory=dict)
    balances_at: float | None = None
    #: By name.
    pairs: Mapping[str, KeptPair] = field(default_factory=dict)
    #: The account's own limits to losses, by name.
    limits: Mapping[str, LimitState] = field(default_factory=dict)


def balances_text(at: float, balances: Mapping[str, Held]) -> str:
    """The form in which balances are kept, as they were read at a time (Unix seconds)."""
    assets = {
        asset: [str(held.volume), None if held.in_orders is None else str(held.in_orders)]
        for asset, held in balances.items()
    }
    return json.dumps({"at": at, "assets": assets})


def _balances_from(text: str) -> tuple[float, dict[str, Held]]:
    raw = json.loads(text)
    return float(raw["at"]), {
        asset: Held(Decimal(volume), None if in_orders is None else Decimal(in_orders))
        for asset, (volume, in_orders) in raw["assets"].items()
    }


def _pairs_from(text: str) -> dict[str, KeptPair]:
    """None of them where one cannot be read: the exchange tells them again."""
    try:
        return {pair.name: pair for pair in map(_pair_from, json.loads(text))}
    except (LookupError, TypeError, ValueError, ArithmeticError):
        return {}


def _pair_from(row: list[Any]) -> KeptPair:
    ordermin, costmin, tick_size = (str(Decimal(row[place])) for place in (_ORDERMIN, _COSTMIN, _TICK))
    return KeptPair(
        name=str(row[_NAME]), ordermin=ordermin, costmin=costmin, tick_size=tick_size,
        lot_decimals=int(row[_LOT_DECIMALS]), status=str(row[_STATUS]),
    )  # fmt: skip


def _limits_from(text: str | None) -> dict[str, LimitState]:
    states = {} if text is None else json.loads(text)["states"]
    return {name: LimitState.from_raw(raw) for name, raw in states.items() if not name.startswith(TOTAL)}


class LedgerUnreadable(Exception):
    """The file is no ledger or journal, or nothing that this version can read."""


def copied_volume(path: Path, coin: str) -> Decimal:
    """How much of a coin copying holds, in units of the coin, as it is right now; 0 without a ledger. Raises
    LedgerUnreadable.
    """
    if not path.exists():
        return Decimal(0)
    try:
        with closing(as_it_is(path)) as ledger:
            row = ledger.execute("SELECT body FROM positions WHERE coin = ?", (coin,)).fetchone()
        return Decimal(0) if row is None else Position.from_json(row[0]).volume
    except (sqlite3.Error, KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise LedgerUnreadable(str(error)) from error


def ledger_view(path: Path) -> LedgerView | None:
    """What a ledger says right now; None without one. Raises LedgerUnreadable."""
    try:
        written_at = path.stat().st_mtime
        with suppress(FileNotFoundError):
            written_at = max(written_at, _log_of(path).stat().st_mtime)
        with closing(as_it_is(path)) as ledger:
            (schema,) = ledger.execute("PRAGMA user_version").fetchone()
            if schema > READABLE_SCHEMA:
                raise LedgerUnreadable(
                    f"ledger of schema {schema}, this version reads {READABLE_SCHEMA}: a later version of "
                    f"krakencopy has written {path}; run that version to see what it holds"
                )
            meta = dict(ledger.execute("SELECT key, value FROM meta"))
            if schema <= BY_PAIR_SCHEMA:
                positions, carried = _by_pair(dict(ledger.execute("SELECT pair, body FROM pairs")))
            else:
                bodies = dict(ledger.execute("SELECT coin, body FROM positions"))
                positions = {coin: Position.from_json(body) for coin, body in bodies.items()}
                carried = _carried_from(dict(ledger.execute("SELECT pair, body FROM carried")))
        kept = meta.get(f"kept {BALANCES}")
        balances_at, balances = (None, {}) if kept is None else _balances_from(kept)
        return LedgerView(
            written_at=written_at, cursor=int(meta.get("cursor", "0")),
            positions=positions, carried=carried, balances=balances, balances_at=balances_at,
            pairs=_pairs_from(meta.get(f"kept {PAIRS}", "[]")),
            limits=_limits_from(meta.get(f"kept {LIMITS}")),
        )  # fmt: skip
    except FileNotFoundError:
        return None
    except (sqlite3.Error, OSError, LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise LedgerUnreadable(str(error)) from error


def _by_pair(
    bodies: Mapping[str, str],
) -> tuple[dict[str, Position], dict[tuple[str, str], Decimal]]:
    """Positions and what waits, as ledgers had them before positions were by coin: its process counts them so
    when it takes such a ledger over (state/ledger_schema.py).
    """
    coins, carried = CopiedCoins(), {}
    for pair, body in bodies.items():
        raw = json.loads(body)
        base, _, quote = pair.partition("/")
        if (volume := Decimal(raw["volume"])) > 0:
            coins.bought(Exchanged(base=base, quote=quote, volume=volume, cost=Decimal(raw["cost"])))
        carried[pair] = json.dumps({side: raw[side] for side in ("buy", "sell")})
    return dict(coins), _carried_from(carried)


def _carried_from(bodies: Mapping[str, str]) -> dict[tuple[str, str], Decimal]:
    carried = {
        (pair, side): sum((Decimal(piece["volume"]) for piece in pieces), Decimal(0))
        for pair, body in bodies.items()
        for side, pieces in json.loads(body).items()
    }
    return {key: volume for key, volume in carried.items() if volume}


def owner_in(path: Path) -> str | None:
    """Whose the ledger, or journal, says it is (account_proc/contract/folder_owner.py); None where it does
    not say so. Raises LedgerUnreadable.

    Without its log, and so without touching it: whose it is stands in the file itself since it was made or
    taken over.
    """
    try:
        with closing(_connect(path, "immutable=1")) as file:
            row = file.execute("SELECT value FROM meta WHERE key = 'owner'").fetchone()
    except sqlite3.Error as error:
        raise LedgerUnreadable(str(error)) from error
    return None if row is None else str(row[0])


def as_it_is(path: Path) -> sqlite3.Connection:
    """A ledger or a journal, to be read as it is right now; the caller closes it. Raises sqlite3.Error."""
    # Without a log beside it nobody uses it, and SQLite would make one.
    return _connect(path, "mode=ro" if _log_of(path).exists() else "immutable=1")


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _connect(path: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)
