"""What a spawned process runs: one account, from its pipes to its exit code."""

from __future__ import annotations

import logging
import sys

from krakencopy.account_proc.contract.errors import AccountError, ExitCode
from krakencopy.account_proc.contract.spec import KRAKEN, AccountSpec, Credentials
from krakencopy.account_proc.runtime.boot import without
from krakencopy.account_proc.runtime.json_log import log_to
from krakencopy.account_proc.runtime.liveness import run_with
from krakencopy.account_proc.service.ccxt_process import CcxtProcess
from krakencopy.account_proc.service.key_trial import check_key
from krakencopy.account_proc.service.kraken_process import KrakenProcess

log = logging.getLogger(__name__)


def run_account(
    spec: AccountSpec, credentials: Credentials, ready_fd: int, lifeline_fd: int, pulse_fd: int
) -> int:
    """Runs the account until it is to end; the exit code.

    ``ready_fd`` gets one line when the gRPC server listens; ``lifeline_fd`` reads EOF when the supervisor is
    gone; ``pulse_fd`` is where the loop shows that it moves. What goes wrong on purpose is said in one line
    on standard error, which the supervisor keeps and shows.
    """
    log_to(
        spec.log_path, spec.id, credentials.hidden,
        run=spec.epoch, instance_id=spec.instance_id, level=spec.log_level,
    )  # fmt: skip
    log.info("account %s (%s, run %d) starts", spec.id, spec.role, spec.epoch)
    try:
        return run_with(pulse_fd, lambda: _run(spec, credentials, ready_fd, lifeline_fd))
    except AccountError as error:
        log.error("%s: %s", error.reason, error)  # noqa: TRY400 - expected: the sentence says it all
        sys.stderr.write(without(credentials, f"{error.reason}: {error}\n"))
        return error.exit_code
    except Exception:
        log.exception("the process crashed")
        raise


async def _run(spec: AccountSpec, credentials: Credentials, ready_fd: int, lifeline_fd: int) -> ExitCode:
    if spec.checks_key:
        return await check_key(spec, credentials, ready_fd)
    process = KrakenProcess if spec.broker == KRAKEN else CcxtProcess
    return await process(spec, credentials).run(ready_fd, lifeline_fd)
