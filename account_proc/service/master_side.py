"""What a master's process has beside its account: the master's loop, at the pace that fits the exchange."""

from __future__ import annotations

import time
from collections.abc import Callable

from krakencopy.account_proc.master.audit import AUDIT_PAPER_S, AUDIT_S
from krakencopy.account_proc.master.master import Master
from krakencopy.account_proc.master.master_wallet import WALLET_CHECK_PAPER_S, WALLET_CHECK_S
from krakencopy.account_proc.service.kraken_account import KrakenAccount


def make_master(
    account: KrakenAccount, changed: Callable[[], None], failed: Callable[[BaseException], None]
) -> Master:
    """A master for an account whose balances were read. Raises LedgerFault."""
    audit_s, refresh_s = (
        (AUDIT_PAPER_S, WALLET_CHECK_PAPER_S) if account.spec.paper else (AUDIT_S, WALLET_CHECK_S)
    )
    return Master(
        account_id=account.spec.id,
        exchange=account.exchange,
        portfolio=account.portfolio,
        ledger=account.ledger,
        now=account.clock.now,
        changed=changed,
        failed=failed,
        orders_executed=account.gateway.count_executions,
        announcements=account.announcements,
        audit_s=audit_s,
        refresh_s=refresh_s,
        clock_offset=lambda: account.clock.now() - time.time(),
        is_ours=account.keep_identity,
    )


def why_not_ready(master: Master, *, is_feed_fresh: bool) -> tuple[str, str]:
    """As a code and for people; two empty strings when every fill is streamed as it happens."""
    if not is_feed_fresh:
        return "FEED_DOWN", "the executions feed is not connected"
    if not master.complete:
        return "CATCHING_UP", "reading what happened while nobody listened"
    return "", ""
