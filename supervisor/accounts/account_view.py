"""One account as the control API shows it."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from krakencopy.account_proc.contract import nonce_report
from krakencopy.account_proc.contract.conditions import ConditionType
from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.contract.spec import Role
from krakencopy.account_proc.runtime.file_lock import holder_pid, is_locked
from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.journal.explanation import PAUSED, Standing
from krakencopy.supervisor.lifecycle import steady_time
from krakencopy.supervisor.lifecycle.state_machine import KILLED, NO_ANSWER, State
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)

PB_STATE = {state: pb.AccountState.Value(f"ACCOUNT_STATE_{state}") for state in State}


def account_message(account: SupervisedAccount, last_end: pb.ProcessEnd | None, acked_seq: int) -> pb.Account:
    """The account as it stands. ``last_end``: of its last process that nobody had asked to end;
    ``acked_seq``: the last fill that a user is known to have answered.
    """
    life, config, process = account.life, account.config, account.process
    message = pb.Account(
        id=config.id, role=pb.ROLE_MASTER if config.role is Role.MASTER else pb.ROLE_USER,
        broker=config.broker, state=PB_STATE[life.state], reason=life.reason, message=life.message,
        since=timestamp(steady_time.shown(life.since)), pid=process.child.pid if process.child else 0,
        restarts=account.restarts, removed=account.removed, group=config.group or "",
        shadow=config.is_shadow,
    )  # fmt: skip
    if process.child is not None:
        message.instance_id = process.instance_id
    if last_end is not None:
        message.last_end.CopyFrom(last_end)
    if life.state is State.BACKOFF:
        message.retry_at.CopyFrom(timestamp(steady_time.shown(life.deadline)))
    message.conditions.append(_process_alive(account))
    if process.link is not None:
        _show_snapshot(message, process.link.snapshot)
        message.conditions.extend(account.conditions())
    if config.copies:
        message.copy_mode = pb.COPY_MODE_PAUSED if account.paused else pb.COPY_MODE_COPYING
        message.cursor_seq = message.cursor_seq or acked_seq
    return message


def standing(account: SupervisedAccount) -> Standing:
    """Where a user stands, for who asks why it has not answered."""
    code, reason = (PAUSED, "") if account.paused else (str(account.life.state), account.life.reason)
    return Standing(code, reason, is_alive=account.process.child is not None)


def _process_alive(account: SupervisedAccount) -> pb.Condition:
    """Whether its process lives and answers, as far as one is wanted. Its changes are reported by
    ACCOUNT_STATE_CHANGED.
    """
    life, since = account.life, timestamp(steady_time.shown(account.life.since))
    condition = pb.Condition(
        type=ConditionType.PROCESS_ALIVE, status=pb.CONDITION_STATUS_UNKNOWN, since=since, changed_at=since,
        matters=True,
    )  # fmt: skip
    is_silent = not account.process.linked and life.reason in {NO_ANSWER, *KILLED}
    if life.state in {State.BACKOFF, State.FAILED} or is_silent:
        condition.status = pb.CONDITION_STATUS_FALSE
        condition.reason, condition.message = life.reason, life.message
    elif account.process.linked:
        condition.status = pb.CONDITION_STATUS_TRUE
    return condition


def _show_snapshot(message: pb.Account, snapshot: account_pb2.WatchSnapshotResponse) -> None:
    """What the account's process says."""
    message.equity.CopyFrom(snapshot.equity)
    message.nonce.CopyFrom(snapshot.nonce)
    message.cursor_seq = snapshot.cursor_seq
    message.positions.extend(snapshot.positions)
    message.drifts.extend(snapshot.drifts)
    if snapshot.HasField("reconciled_at"):
        message.reconciled_at.CopyFrom(snapshot.reconciled_at)
    if snapshot.HasField("preflight"):
        message.preflight.CopyFrom(snapshot.preflight)
    if snapshot.HasField("rate"):
        message.rate.CopyFrom(snapshot.rate)
    message.notices.extend(snapshot.notices)
    message.limits.extend(snapshot.limits)
    message.feed_connected = snapshot.feed_connected
    message.copies_open = snapshot.copies_open
    message.trading_mode = snapshot.trading_mode
    if snapshot.HasField("strategy"):
        message.strategy.CopyFrom(snapshot.strategy)


async def nonce_message(account: SupervisedAccount, nonce_path: Path) -> pb.NonceReport:
    """What the process and the exchange say of the nonce, or the file alone where no process can be asked."""
    account_id, link = account.config.id, account.process.link
    if link is not None:
        try:
            return await link.nonce_report()
        except CallFailed as error:
            log.info("%s: its nonce could not be asked for: %s", account_id, error)
    return _nonce_in_file(account_id, nonce_path)


def _nonce_in_file(account_id: str, nonce_path: Path) -> pb.NonceReport:
    content = nonce_path.read_bytes() if nonce_path.exists() else None
    pid = holder_pid(nonce_path) if content is not None and is_locked(nonce_path) else None
    return nonce_report.report_of_file(
        account_id, str(nonce_path), content, now_us=time.time_ns() // 1_000, holder_pid=pid or 0
    )
