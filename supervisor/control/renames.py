"""What an operator may say of a coin's name. Pure.

A wrong word would have users sell another coin, of their own: a coin that the exchange still trades under its
name has no other one. A coin that is gone may be given a name that is gone as well, as the word may come
late: the next name is given after it.
"""

from __future__ import annotations

from krakencopy.v1 import account_pb2


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
