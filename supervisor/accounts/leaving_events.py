"""What is said of users that leave, and recorded when they begin to or are in the configuration again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from krakencopy.account_proc.contract.proto_time import utc
from krakencopy.account_proc.contract.spec import OnLeave
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.config.leaving_accounts import Leaver
from krakencopy.supervisor.journal.event_log import event_of
from krakencopy.v1 import types_pb2 as pb


def returned(known: Mapping[str, Leaver], leaving: Mapping[str, Leaver]) -> list[str]:
    """Those that were leaving and are in the file again."""
    return [key for key, one in known.items() if one.leaves and key not in leaving]


def leaving_events(begin: Mapping[str, Leaver], back: Iterable[str]) -> list[pb.Event]:
    """``begin``: those that are not in the file any more; ``back``: those that are in it again."""
    events = [
        event_of(
            pb.SEVERITY_WARNING, account_id, "ACCOUNT_LEAVING",
            f"it was taken out of the configuration, on_leave = {leaver.policy}: it buys nothing, and "
            "stays until copying holds nothing of it",
        )
        for account_id, leaver in begin.items()
    ]  # fmt: skip
    words = (
        "it is in the configuration again and stays: what was said as it was leaving is lifted, and what is "
        "not sold yet is held again"
    )
    return events + [event_of(pb.SEVERITY_INFO, account_id, "ACCOUNT_RETURNED", words) for account_id in back]


def leaving_words(leaver: Leaver | None, account: SupervisedAccount, *, master_serves: bool) -> str:
    """For who is shown the account; empty for one that does not leave."""
    if leaver is None or not leaver.leaves:
        return ""
    how = "when the master has left its coins" if leaver.policy is OnLeave.CLOSE_ONLY else "once all is sold"
    words = (
        f"leaves since {utc(leaver.since):%Y-%m-%d %H:%M} UTC (on_leave = {leaver.policy}): it buys nothing, "
        f"and ends {how}"
    )
    waits = _waits_for(leaver.policy, account, master_serves=master_serves)
    return f"{words}; nothing is sold now: {waits}" if waits else words


def _waits_for(policy: OnLeave, account: SupervisedAccount, *, master_serves: bool) -> str:
    """What keeps it from selling, for people; empty for nothing that is known."""
    life, link = account.life, account.process.link
    if link is None or not link.linked:
        return f"it is {life.state}" + (f" ({life.reason}: {life.message})" if life.reason else "")
    if link.snapshot.trading.state == pb.TRADING_STATE_HALTED:
        by = "; ".join(each.by for each in link.snapshot.trading.settings if _halts(each))
        return f"it is HALTED (by {by}) until that is lifted"
    if policy is OnLeave.CLOSE_ONLY and account.paused:
        return "it is paused, and sells what the master sells meanwhile when it is resumed"
    if policy is OnLeave.CLOSE_ONLY and not master_serves:
        return "it sells as the master does, which is not there"
    return ""


def _halts(said: pb.TradingStateSetting) -> bool:
    return said.state == pb.TRADING_STATE_HALTED
