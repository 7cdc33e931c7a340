"""A process that only finds out whether a key is fit for an account at Kraken: before the account's own
process is ended for it.

It holds the key's lock, so that nobody uses the key meanwhile or does already, keeps the nonce in the file
that the account goes on with, and reads; nothing that changes something can leave. What it has found out is
its ready line; then it ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import time

from krakencopy.account_proc.contract.errors import (
    AccountError,
    ExchangeError,
    ExitCode,
    KeyRefused,
    LockHeld,
)
from krakencopy.account_proc.contract.refusals import cut_text
from krakencopy.account_proc.contract.spec import AccountSpec, Credentials
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.exchange_clock import ExchangeClock
from krakencopy.account_proc.kraken.key_check import KeyCheck, Needs
from krakencopy.account_proc.kraken.order_gate import OrderGate
from krakencopy.account_proc.kraken.rest.client import KrakenRest
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits
from krakencopy.account_proc.kraken.rest.request_queue import RequestQueue
from krakencopy.account_proc.state.key_lock import key_lock
from krakencopy.account_proc.state.nonce_custody import NonceCustody

#: An exchange that does not answer is asked again for so long, in seconds, with so long in between.
PATIENCE_S, PAUSE_S = 15.0, 1.0
#: Of what is wrong, in bytes: a ready line has few.
WORDS_MAX = 900
#: It could not be found out.
EXCHANGE = "EXCHANGE"


async def check_key(spec: AccountSpec, credentials: Credentials, ready_fd: int) -> ExitCode:
    """Says ``reason`` and ``message`` of what is wrong with the key, empty for nothing, and ``identity``:
    which account it opens, empty where that is not told.
    """
    found = {"reason": "", "message": "", "identity": ""}
    try:
        found["identity"] = await _tried(spec, credentials)
    except LockHeld as error:
        found |= {"reason": "KEY_USED_ELSEWHERE", "message": str(error)}
    except KeyRefused as error:
        found |= {"reason": "KEY_REFUSED", "message": str(error)}
    except ExchangeError as error:
        found |= {"reason": EXCHANGE, "message": str(error)}
    except AccountError as error:
        found |= {"reason": error.reason, "message": str(error)}
    found["message"] = cut_text(found["message"], WORDS_MAX)
    os.write(ready_fd, f"{json.dumps(found)}\n".encode())
    os.close(ready_fd)
    return ExitCode.OK


async def _tried(spec: AccountSpec, credentials: Credentials) -> str:
    """Which account the key opens. Raises AccountError for one that is not fit, or not known to be."""
    lock = key_lock(spec.key_lock_dir, credentials.key, spec.id)
    try:
        nonce = NonceCustody.open(spec.nonce_path, account_id=spec.id, now_us=lambda: time.time_ns() // 1_000)
        try:
            return await _asked(spec, credentials, nonce)
        finally:
            nonce.close()
    finally:
        lock.close()


async def _asked(spec: AccountSpec, credentials: Credentials, nonce: NonceCustody) -> str:
    clock = ExchangeClock()
    # As of a shadow: reads alone leave.
    gate = OrderGate(is_shadow=True)
    rest = KrakenRest(spec.rest_url, credentials, nonce, AccountLimits(spec.tier), clock, None, gate)
    queue = RequestQueue(rest)
    needs = Needs.of(
        spec.role, has_strategy=spec.strategy is not None, allow_withdraw=spec.allow_withdraw_key,
        is_shadow=spec.shadow, looked_up_for=spec.limits_by_flows,
    )  # fmt: skip
    check = KeyCheck(
        KrakenExchange(queue, clock), needs, lambda: None, handed_out=lambda: nonce.last, clock=clock
    )
    until = time.monotonic() + PATIENCE_S
    try:
        while True:
            try:
                await check.check()
                break
            except KeyRefused:
                raise
            except ExchangeError:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(PAUSE_S)
    finally:
        await asyncio.to_thread(queue.close)
    return str(check.identity or "")
