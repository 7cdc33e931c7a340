"""`krakencopy simulate` and `forecast`. Whatever decides is imported when one of them is asked for: other
commands need not wait for that.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from krakencopy.client.cli.output import Output
from krakencopy.client.sdk.errors import ExitCode


def simulate(arguments: Namespace, connect: Callable[[], Any], out: Output) -> ExitCode:
    """`simulate`."""
    from krakencopy.client.cli import offline_simulation

    return offline_simulation.simulate(arguments, connect, out)


def forecast(arguments: Namespace, connect: Callable[[], Any], out: Output) -> ExitCode:
    """`forecast`."""
    from krakencopy.client.cli import offline_simulation

    return offline_simulation.forecast(arguments, connect, out)


#: By name, as in client/cli/commands.py.
SIMULATIONS: dict[str, Callable[[Namespace, Callable[[], Any], Output], ExitCode]] = {
    "simulate": simulate,
    "forecast": forecast,
}
