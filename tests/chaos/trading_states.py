"""What operators say about trading while a world runs, and when each account's process has said that it keeps
to it: by the files alone, as `krakencopy halt --offline` does.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from krakencopy.account_proc.contract.trading_states import (
    ALL,
    StateSetting,
    TradingState,
    TradingStates,
    account_scope,
)
from krakencopy.account_proc.runtime.trading_state_file import change_states, states_path
from tests.chaos.plan import Action
from tests.chaos.records import Record
from tests.chaos.rows import StateKept, StatesSaid

#: Between two looks at what processes say, in seconds.
LOOK_S = 0.01


class SaidStates:
    """Of one world."""

    def __init__(self, state_dir: Path, record: Record) -> None:
        self._path = states_path(state_dir)
        self._run_dir = state_dir / "run"
        self._record = record
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="kept states", daemon=True)
        self._seen: dict[str, str] = {}

    def start(self) -> None:
        """Looks at what processes say from now on."""
        self._thread.start()

    def close(self) -> None:
        """Looks no more."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def say(self, action: Action) -> str:
        """A state of all or of one account, or that one is to sell what copying bought."""
        who, state = action.account, TradingState(action.detail["state"])
        if action.detail.get("flatten"):
            return self._change(lambda states: states.with_flatten([who], "chaos", "", time.time()))
        setting = StateSetting(state=state, by="chaos", reason=f"round {action.round}", at=time.time())
        scope = account_scope(who) if who else ALL
        return self._change(lambda states: states.with_state([scope], setting))

    def lift_all(self) -> None:
        """All are active again."""
        active = StateSetting(state=TradingState.ACTIVE, by="chaos", reason="", at=time.time())
        said = self._record.said
        if said and said[-1].states:
            while self._change(lambda states: states.with_state(list(states.states), active)):
                time.sleep(LOOK_S)

    def _change(self, change: Callable[[TradingStates], TradingStates]) -> str:
        before = time.time()
        try:
            changed = change_states(self._path, change)
        except (OSError, ValueError) as error:
            return str(error)
        self._record.said.append(
            StatesSaid(
                before=before,
                at=time.time(),
                version=changed.version,
                states={scope: setting.state.value for scope, setting in changed.states.items()},
                flattens={account_id: order.number for account_id, order in changed.flattens.items()},
            )
        )
        return ""

    def _watch(self) -> None:
        while not self._over.wait(LOOK_S):
            with suppress(OSError):
                for path in list(self._run_dir.glob("*.states")):
                    with suppress(OSError):
                        self._look(path)

    def _look(self, path: Path) -> None:
        text = path.read_text()
        if self._seen.get(path.stem) == text:
            return
        self._seen[path.stem] = text
        kept = json.loads(text)
        self._record.kept.append(
            StateKept(at=time.time(), account=path.stem, version=kept["version"], pid=kept["pid"])
        )
