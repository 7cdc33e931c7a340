"""Looks through a time-and-sales file before anything is started, so that a bad one costs nothing but one
line.

Whether its name is a pair that can be traded, and what is made of its trades, is the paper exchange's part.
"""

from __future__ import annotations

import re
from pathlib import Path

from krakencopy.supervisor.config.toml_table import ConfigFault, ConfigFaults, show

#: Kraken: ``unix_time,price,volume`` without a header; a price or a volume of 0 is no trade.
_NUMBER = r"(?:[0-9]{1,10}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})"
_LINE = re.compile(rf"\s*{_NUMBER},(?=[0.]*[1-9]){_NUMBER},(?=[0.]*[1-9]){_NUMBER}\s*", re.ASCII)


def check_replay(path: Path) -> None:
    """Raises ConfigFaults for a file that is missing, empty, or has a line that is no trade: the first of
    them.
    """
    number = 0
    try:
        with path.open(encoding="ascii") as file:
            for number, line in enumerate(file, start=1):
                if not _LINE.fullmatch(line):
                    problem = f"{show(line.rstrip())} is not unix_time,price,volume"
                    raise ConfigFaults(
                        [ConfigFault(str(path), f"line {number}", problem, "correct or remove the line")]
                    )
    except OSError as error:
        remedy = "name a file that this user can read with --replay"
        raise ConfigFaults(
            [ConfigFault(str(path), "", f"cannot be read: {error.strerror}", remedy)]
        ) from None
    except UnicodeDecodeError:
        raise ConfigFaults([ConfigFault(str(path), "", "not a text file", "name a .csv of trades")]) from None
    if not number:
        raise ConfigFaults([ConfigFault(str(path), "", "no trades in it", "name a file with at least one")])
