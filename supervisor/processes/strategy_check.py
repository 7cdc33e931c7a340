"""Checks the strategies of a configuration before anything is started with it, in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess

from krakencopy.supervisor.config.model import Config
from krakencopy.supervisor.config.reader import ConfigFault, ConfigFaults
from krakencopy.supervisor.processes.python_command import process_environment, python_command

#: Imports of a strategy's libraries from a cold disk.
CHECK_LIMIT_S = 60.0


def check_strategies(config: Config) -> None:
    """Makes each strategy with its options, as the account's process will. Raises ConfigFaults."""
    asked = [account for account in config.accounts if account.strategy is not None]
    if not asked:
        return
    request = json.dumps([[account.strategy, dict(account.strategy_options)] for account in asked])
    try:
        done = subprocess.run(  # noqa: S603 - all arguments are ours
            python_command("krakencopy.account_proc.strategy.check"),
            input=request,
            capture_output=True,
            text=True,
            check=True,
            timeout=CHECK_LIMIT_S,
            env=process_environment(os.environ),
        )
        problems = json.loads(done.stdout)
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or [f"exit code {error.returncode}"]
        problems = [f"the check of strategies ended: {lines[-1]}"] * len(asked)
    except (subprocess.TimeoutExpired, ValueError) as error:
        problems = [f"the check of strategies failed: {error}"] * len(asked)
    index = {account.id: number for number, account in enumerate(config.accounts)}
    faults = [
        ConfigFault(
            config.source,
            f"accounts[{index[account.id]}].strategy_options",
            problem,
            "correct the options, or take the strategy out",
            account.id,
        )
        for account, problem in zip(asked, problems, strict=True)
        if problem is not None
    ]
    if faults:
        raise ConfigFaults(faults)
