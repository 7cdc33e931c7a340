"""Fills, copies and events as the accounts' processes send them, and small configurations, for tests of what
the supervisor makes of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from krakencopy.account_proc.contract.spec import CopyRules, Role
from krakencopy.supervisor.config.model import AccountConfig, Config, ExchangeConfig, StartupConfig
from krakencopy.supervisor.config.values import Mode
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import types_pb2 as pb

#: Unix seconds; 2027-01-15 08:00:00 UTC.
NOW = 1_800_000_000.0


def fill(number: int, *, at: float | None = None, received: float | None = None, **fields: Any) -> pb.Fill:
    """A fill of the master that is not journalled yet; number 1, 2, ... makes different ones."""
    made = pb.Fill(
        **{
            "exec_id": f"E{number}", "order_id": f"O{number}", "pair": "BTC/USD", "side": pb.SIDE_BUY,
            "price": "10000", "volume": "0.005", **fields,
        }
    )  # fmt: skip
    made.executed_at.FromMicroseconds(round((NOW + number if at is None else at) * 1e6))
    if received is not None:
        made.received_at.FromMicroseconds(round(received * 1e6))
    return made


def copy(
    account_id: str, seqs: Iterable[int], state: pb.CopyState.ValueType = pb.COPY_STATE_FILLED, *,
    sent: float | None = None, finished: float | None = None, **fields: Any,
) -> pb.Copy:  # fmt: skip
    """What a user made of some fills; filled as planned unless the test asks for something else."""
    seqs = list(seqs)
    made = pb.Copy(
        **{
            "account_id": account_id, "copy_id": f"c{seqs[0]}", "fill_seqs": seqs, "pair": "BTC/USD",
            "side": pb.SIDE_BUY, "state": state, "reason": "SCALED", "ordered_volume": "0.0005",
            "filled_volume": "0.0005", "avg_price": "10010", "attempts": 1, "revision": seqs[0], **fields,
        }
    )  # fmt: skip
    if sent is not None:
        made.sent_at.FromMicroseconds(round(sent * 1e6))
    if finished is not None:
        made.finished_at.FromMicroseconds(round(finished * 1e6))
    return made


def event(number: int, **fields: Any) -> pb.Event:
    """An event that is not journalled yet."""
    made = pb.Event(**{"severity": pb.SEVERITY_INFO, "code": "TEST", "message": f"event {number}", **fields})
    made.at.FromMicroseconds(round((NOW + number) * 1e6))
    return made


def small_config(*users: str) -> Config:
    """A master, and users that copy it."""
    roles = {"master": Role.MASTER} | dict.fromkeys(users, Role.USER)
    return Config(
        exchange=ExchangeConfig(mode=Mode.PAPER, rest_url="http://127.0.0.1:1", ws_url="ws://127.0.0.1:1"),
        startup=StartupConfig(nonce_separation_s=0.0),
        copy=CopyRules(),
        accounts=tuple(AccountConfig(id=name, role=role, broker="kraken") for name, role in roles.items()),
        source="test",
    )


def grouped_config() -> Config:
    """The users anna, bob and carl, of whom anna and carl are in the group "eu"."""
    config = small_config("anna", "bob", "carl")
    group = {"anna": "eu", "carl": "eu"}
    accounts = tuple(replace(one, group=group.get(one.id)) for one in config.accounts)
    return replace(config, groups=("eu",), accounts=accounts)


def put(journal: Journal, *copies: pb.Copy) -> None:
    """The journal has these."""
    for one in copies:
        journal.put_reports([(one.account_id, [one], one.fill_seqs[-1])])
