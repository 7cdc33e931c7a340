"""What an operator may say of a coin's name. Pure, but for refusing it.

A wrong word would have users sell another coin, of their own: a coin that the exchange still trades under its
name has no other one. A coin that is gone may be given a name that is gone as well, as the word may come
late: the next name is given after it.
"""

from __future__ import annotations

import re
from typing import Literal

import grpc

from krakencopy.account_proc.contract.pair_spellings import coin_name
from krakencopy.account_proc.contract.request_bounds import Violation
from krakencopy.supervisor.control.refusals import Context, refuse
from krakencopy.v1 import account_pb2, control_pb2

#: Kraken: assets as they are shown, e.g. BTC, USD, 1INCH, AAPLx.
ASSET = re.compile(r"[A-Za-z0-9]{1,16}", re.ASCII)


async def asset_name(
    request: control_pb2.RenameAssetRequest, field: Literal["old_name", "new_name"], context: Context
) -> str:
    """A coin's name as pages have it: XBT is BTC. Refuses what is no name of a coin."""
    written = request.old_name if field == "old_name" else request.new_name
    if not ASSET.fullmatch(written):
        wrong = Violation(field, f"{written[:32]!r} is no name of a coin")
        message = f"{wrong}; write it as Kraken shows it, e.g. POL"
        await refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "BAD_ASSET", message, violations=[wrong])
    return coin_name(written)


def why_not_renamed(
    old: str,
    old_listed: account_pb2.ListedCoin,
    new: str,
    new_listed: account_pb2.ListedCoin,
    *,
    has_traded: bool,
) -> str:
    """Why the exchange's tables contradict that a coin has another name; empty where they do not.

    ``has_traded``: whether the master has ever traded it.
    """
    if new_listed.name and new_listed.name != new:
        return f"{new} is called {new_listed.name}; write that"
    if old_listed.name and old_listed.name not in {old, new}:
        return f"{old} is called {old_listed.name}; write that"
    if old_listed.name == old and old_listed.traded:
        other = (
            f"{new} is another coin"
            if new_listed.name
            else f"it has no other, and the exchange lists no {new}"
        )
        return f"{old} is traded at the exchange under this name: {other}"
    if not new_listed.name and not has_traded:
        return (
            f"the exchange lists no {new}, and the master has never traded {old}; write both as Kraken "
            "shows them"
        )
    return ""
