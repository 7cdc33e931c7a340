"""A whole system with accounts at other brokers beside Kraken's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.support.system import System


@dataclass
class MixedSystem(System):
    """A system with accounts at other brokers too: id to role, broker and further lines."""

    others: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        for account, (role, broker, lines) in self.others.items():
            if account not in self.keys:
                self.keys[account] = self.paper.open_account(account, {"ZUSD": "500", "XXBT": "0.01"})
            self.config_tail += (
                f'\n[[accounts]]\nid = "{account}"\nrole = "{role}"\nbroker = "{broker}"\n{lines}\n'
            )

    def environment(self) -> dict[str, str]:
        keys = {}
        for account, (role, broker, _) in self.others.items():
            prefix = broker.upper().replace(":", "_")
            name = "MASTER" if role == "master" else f"USER_{account.upper()}"
            keys[f"{prefix}_{name}_API_KEY"] = self.keys[account].key
            # As people paste it: a line's end is two characters.
            keys[f"{prefix}_{name}_API_SECRET"] = self.keys[account].secret.replace("\n", "\\n")
        return super().environment() | keys

    def started(self, account: str) -> int:
        """The number of the event of its start."""
        starts = [e.seq for e in self.events() if e.account_id == account and "-> STARTING" in e.message]
        return int(starts[0])


def ran(seq: int, account: str, events: list[Any]) -> bool:
    """Whether an account was RUNNING before an event."""
    return any(
        event.account_id == account and "-> RUNNING" in event.message and event.seq < seq for event in events
    )
