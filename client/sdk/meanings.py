"""What the reasons of refused calls mean, and what to do about each: in the words of the catalogue."""

from __future__ import annotations

from krakencopy.account_proc.contract.refusal_catalogue import REFUSALS

#: Promised by the API, and not sent by this version: its journal deletes nothing.
PROMISED = {"COMPACTED": ("what follows a watch's position was deleted", "list, and watch from there")}


def described(reason: str) -> tuple[str, str]:
    """The meaning, and the remedy, empty where there is nothing to do; both empty for a reason that this
    version does not know.
    """
    meaning, remedy = (PROMISED | REFUSALS).get(reason, ("", ""))
    return meaning, "" if remedy == "nothing" else remedy
