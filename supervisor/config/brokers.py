"""Which broker an account is at, by the name in its configuration, and whether what that takes is installed.

    "kraken"        Kraken, by our own client: the only one that is copied
    "coinbase", …   any other exchange, over ccxt, by ccxt's own id
    "ccxt:kraken"   the same, said plainly, so that even Kraken can be had over ccxt

ccxt is looked for and never imported: the supervisor and everything that is forked beside it stay without it.
"""

from __future__ import annotations

import difflib
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from krakencopy.account_proc.contract.spec import CCXT_PREFIX, KRAKEN

__all__ = ["KRAKEN", "ccxt_id", "fault_of", "normal", "speaks_kraken", "variables_prefix"]

_CCXT_ID = re.compile(r"[a-z][a-z0-9]{1,31}", re.ASCII)


def normal(broker: str) -> str:
    """One name for each broker: ``ccxt:`` stays only where the name would mean our own client without it."""
    bare = broker.removeprefix(CCXT_PREFIX)
    return broker if bare == KRAKEN else bare


def speaks_kraken(broker: str) -> bool:
    """Whether the paper exchange, which speaks Kraken's protocol, can stand for this broker."""
    return ccxt_id(broker) == KRAKEN


def ccxt_id(broker: str) -> str:
    """ccxt's id of the exchange."""
    return broker.removeprefix(CCXT_PREFIX)


def variables_prefix(broker: str) -> str:
    """How the names of the environment variables with this broker's keys begin."""
    return broker.upper().replace(":", "_")


def fault_of(broker: str) -> tuple[str, str] | None:
    """What is wrong with a broker's name and the remedy; None if it can be traded with."""
    if broker == KRAKEN:
        return None
    exchange = ccxt_id(broker)
    if not _CCXT_ID.fullmatch(exchange):
        return "not a broker's name", 'write broker = "kraken", or an id of ccxt such as "coinbase"'
    spec = find_spec("ccxt")
    if spec is None or not spec.submodule_search_locations:
        return (
            "needs ccxt, which is not installed",
            (
                f"run: {sys.executable} -m pip install 'krakencopy[brokers]' "
                '(or correct the name: "kraken" needs nothing)'
            ),
        )
    folder = Path(next(iter(spec.submodule_search_locations)))
    # Exchanges are the modules that ccxt has in both of its flavours; its own parts lie elsewhere.
    if (folder / "async_support" / f"{exchange}.py").is_file():
        return None
    known = sorted(path.stem for path in (folder / "async_support").glob("[a-z]*.py"))
    near = difflib.get_close_matches(exchange, known, n=1)
    hint = (
        f'did you mean "{near[0]}"?'
        if near
        else 'write broker = "kraken", or an id of ccxt such as "coinbase"'
    )
    return "ccxt knows no such exchange", hint
