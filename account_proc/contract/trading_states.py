"""What operators have said about trading: a state for all accounts, for a group and for one account, and who
is to sell what copying bought. Pure; the file is runtime/trading_state_file.py's.

    ACTIVE    trades
    REDUCING  buys nothing: entries are skipped, exits are copied
    HALTED    nothing leaves: entries are skipped, exits are owed

Of the states that are said for an account, its group and all, the strictest holds. So an account is ACTIVE
again when the last of them was lifted.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

#: Of the file's form. Another one is of another version of krakencopy, and is not guessed at.
FORMAT = 1
#: Characters of who and why that are kept.
WORDS_MAX = 200
ALL = "all"
#: How those begin who say what is lifted by ``reset-limit``, and by the configuration.
ON_LEAVE = "on_leave"
LIFTED_OTHERWISE = ("limit ", ON_LEAVE)
_GROUP, _ACCOUNT, LIMIT = "group:", "account:", "limit:"


class TradingState(StrEnum):
    """What leaves; the names are those of ``krakencopy.v1.TradingState``."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


STRICTNESS = {TradingState.ACTIVE: 0, TradingState.REDUCING: 1, TradingState.HALTED: 2}


def group_scope(group: str) -> str:
    """The scope of a group's accounts."""
    return f"{_GROUP}{group}"


def account_scope(account_id: str) -> str:
    """The scope of one account."""
    return f"{_ACCOUNT}{account_id}"


def limit_scope(name: str) -> str:
    """Beside the scopes of what was said: of one account, by a limit of its own. Never in the file."""
    return f"{LIMIT}{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSetting:
    """One state that was said, and is not ACTIVE."""

    state: TradingState
    #: Who said it, e.g. "operator root" or "limit day"; and why, empty where nobody said.
    by: str
    reason: str
    #: Unix seconds, by the clock of who wrote it.
    at: float
    #: What somebody has said that is laxer: it holds when this, which is a limit's, is lifted.
    under: StateSetting | None = None

    @property
    def of_somebody(self) -> StateSetting | None:
        """Itself, or what is under it where a limit or leaving says it."""
        return self.under if self.by.startswith(LIFTED_OTHERWISE) else self


class FlattenBy(StrEnum):
    """Who orders to sell all that copying bought; each has numbers of its own. By the names in a ledger."""

    SAID = "flattened"
    LIMIT = "limit_flattened"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenOrder:
    """That an account is to sell all that copying bought, once for each number."""

    #: The version that it was said with. So it grows with each one, also where the file was lost and made
    #: anew: a process takes one whose number it has done for done.
    number: int
    by: str
    reason: str
    at: float
    #: That the one before is taken back: what is owed by it alone, and not sold yet, is held again.
    taken_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingStates:
    """All that was said and holds."""

    #: Grows with each change; 0 while nothing was ever said.
    version: int = 0
    #: By scope; a scope that is not there is ACTIVE.
    states: Mapping[str, StateSetting] = field(default_factory=dict)
    #: By account id; the last one of each.
    flattens: Mapping[str, FlattenOrder] = field(default_factory=dict)

    def settings_of(self, account_id: str, group: str = "") -> dict[str, StateSetting]:
        """What is said for an account, by scope, the widest first."""
        scopes = (ALL, *([group_scope(group)] if group else ()), account_scope(account_id))
        return {scope: self.states[scope] for scope in scopes if scope in self.states}

    def state_of(self, account_id: str, group: str = "") -> TradingState:
        """The strictest that is said for an account."""
        said = (setting.state for setting in self.settings_of(account_id, group).values())
        return max(said, key=STRICTNESS.__getitem__, default=TradingState.ACTIVE)

    def with_state(self, scopes: Iterable[str], setting: StateSetting) -> TradingStates:
        """The next version: these scopes have this state from now on; ACTIVE lifts what was said for them."""
        states = {scope: said for scope, said in self.states.items() if scope not in (scopes := set(scopes))}
        if setting.state is not TradingState.ACTIVE:
            states |= dict.fromkeys(scopes, setting)
        return replace(self, version=self.version + 1, states=states)

    def with_limit(self, scopes: Iterable[str], setting: StateSetting) -> TradingStates:
        """The next version: a limit says this of these scopes, over what somebody has said of them."""
        said = {scope: self.states.get(scope) for scope in scopes}
        over = {scope: replace(setting, under=one and one.of_somebody) for scope, one in said.items()}
        return replace(self, version=self.version + 1, states={**self.states, **over})

    def without(self, scopes: Iterable[str]) -> TradingStates:
        """The next version: what limits say of these scopes is lifted, and what is under it holds."""
        lifted = {scope: self.states[scope].under for scope in scopes}
        states = {scope: said for scope, said in {**self.states, **lifted}.items() if said is not None}
        return replace(self, version=self.version + 1, states=states)

    def with_flatten(self, account_ids: Iterable[str], by: str, reason: str, at: float) -> TradingStates:
        """The next version: these accounts are to sell what copying bought, and buy nothing from now on."""
        number, states = self.version + 1, dict(self.states)
        orders = dict.fromkeys(account_ids, FlattenOrder(number=number, by=by, reason=reason, at=at))
        reducing = StateSetting(state=TradingState.REDUCING, by=by, reason=reason, at=at)
        for scope in map(account_scope, orders):
            said = states.get(scope)
            if said is None:
                states[scope] = reducing
            elif by.startswith(LIFTED_OTHERWISE):
                continue  # What somebody has said is not lifted with a limit or with leaving.
            elif said.state is not TradingState.HALTED:
                states[scope] = reducing
            elif said.of_somebody is not said:
                states[scope] = replace(said, under=reducing)  # Who is halted stays so.
        return replace(self, version=number, states=states, flattens={**self.flattens, **orders})

    def with_flatten_taken_back(
        self, account_ids: Iterable[str], by: str, reason: str, at: float
    ) -> TradingStates:
        """The next version: what these accounts have not sold yet of their last flatten is held again. What
        they may trade stays, and so does a flatten that came of a limit or of leaving, unless by ``by``.
        """
        order = FlattenOrder(number=self.version + 1, by=by, reason=reason, at=at, taken_back=True)
        orders = {account_id: order for account_id in account_ids if self.may_take_back(account_id, by)}
        return replace(self, version=self.version + 1, flattens={**self.flattens, **orders})

    def may_take_back(self, account_id: str, by: str = "") -> bool:
        """Whether there is a flatten of an account that somebody, or ``by``, has ordered, and that was not
        taken back.
        """
        order = self.flattens.get(account_id)
        if order is None or order.taken_back:
            return False
        return order.by == by or not order.by.startswith(LIFTED_OTHERWISE)


class StatesUnreadable(ValueError):
    """The text is not what was written."""


def to_text(states: TradingStates) -> str:
    """As the file has it: people may read it, and a changed or cut one is found out."""
    body = {
        "format": FORMAT,
        "version": states.version,
        "states": {scope: asdict(setting) for scope, setting in states.states.items()},
        "flattens": {account_id: asdict(order) for account_id, order in states.flattens.items()},
    }
    return json.dumps({**body, "sum": _sum(body)}, indent=1) + "\n"


def from_text(text: str) -> TradingStates:
    """The inverse. Raises StatesUnreadable."""
    try:
        body = json.loads(text)
        written, form = body.pop("sum"), body["format"]
        states = _read_body(body) if form == FORMAT else None
    except (ValueError, ArithmeticError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StatesUnreadable("it is cut or damaged") from error
    if states is None:
        raise StatesUnreadable(f"its format is {form}, and this version reads {FORMAT}")
    if written != _sum(body):
        raise StatesUnreadable("it was changed by hand or damaged")
    return states


def _read_body(body: Mapping[str, Any]) -> TradingStates:
    return TradingStates(
        version=int(body["version"]),
        states={scope: _read_setting(raw) for scope, raw in body["states"].items()},
        flattens={account_id: FlattenOrder(**raw) for account_id, raw in body["flattens"].items()},
    )


def _read_setting(raw: Mapping[str, Any]) -> StateSetting:
    under = raw.get("under")
    read = {"state": TradingState(raw["state"]), "under": None if under is None else _read_setting(under)}
    return StateSetting(**{**raw, **read})


def _sum(body: Mapping[str, object]) -> str:
    return f"{zlib.crc32(json.dumps(body, sort_keys=True).encode()):08x}"
