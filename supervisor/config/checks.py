"""Whether a configuration fits where it is used: the path of its state folder, the pairs that are traded."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from krakencopy.account_proc.contract.amounts import needs_currency
from krakencopy.account_proc.contract.spec import Sizing
from krakencopy.supervisor.config.model import Config
from krakencopy.supervisor.config.toml_table import ConfigFault, ConfigFaults, show

#: ``sockaddr_un.sun_path`` is 108 bytes with its final NUL.
SOCKET_PATH_BYTES_MAX = 107


def check_notionals(config: Config, traded: Iterable[str]) -> None:
    """Check that every amount of the configuration means what it says in the pairs that the master trades.
    Raises ConfigFaults.
    """
    others = sorted(filter(needs_currency, traded))
    faults = [
        ConfigFault(
            config.source,
            "copy.notional",
            f'"{account.copy.notional}" names no currency, and the master trades {", ".join(others)}',
            'write an amount with its currency, such as notional = "50 USD"',
            account=account.id,
        )
        for account in config.users
        if others and account.copy.sizing is Sizing.FIXED_NOTIONAL and not account.copy.notional_asset
    ]
    if faults:
        raise ConfigFaults(faults)


def check_state_dir(config: Config, state_dir: Path) -> None:
    """Check that every socket's path fits the kernel's limit, for ``state_dir`` as it will be used in paths.

    Raises ConfigFaults.
    """
    run = state_dir / "run"
    room = SOCKET_PATH_BYTES_MAX - len(os.fsencode(run / "control.sock"))
    if room < 0:
        problem = f"the folder's path is {-room} bytes too long for the socket run/control.sock in it"
        raise ConfigFaults([ConfigFault(str(state_dir), "", problem, "choose a shorter --state-dir")])
    faults = [
        ConfigFault(
            config.source, f"accounts[{index}].id", problem, "choose a shorter id or a shorter --state-dir"
        )
        for index, account in enumerate(config.accounts)
        if (excess := len(os.fsencode(run / f"{account.id}.sock")) - SOCKET_PATH_BYTES_MAX) > 0
        for problem in [
            f"{show(account.id)} makes a socket path in {state_dir} that is {excess} bytes too long"
        ]
    ]
    if faults:
        raise ConfigFaults(faults)
