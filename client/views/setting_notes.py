"""How many rules of an account were set while running, in words."""

from __future__ import annotations

from krakencopy.client.views.formats import plain
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

#: Settings that are named in one line at most.
NAMED_MAX = 5


def settings_differ(account: nouns.Account) -> str:
    """How many of its rules are not the file's; empty for none."""
    count = account.settings_differ
    return f"{count} {'differs' if count == 1 else 'differ'} from the file" if count else ""


def without_effect(status: pb.GetStatusResponse) -> list[str]:
    """That something is set and has no effect, below the accounts."""
    found = [each for each in status.settings if each.without_effect]
    if not found:
        return []
    named = ", ".join(f"{plain(each.target) or '--all'} {plain(each.key)}" for each in found[:NAMED_MAX])
    more = f" and {len(found) - NAMED_MAX} more" if len(found) > NAMED_MAX else ""
    return ["", f"set, and without effect as the file is now: {named}{more}; see krakencopy set"]


def see_rules(account: nouns.Account) -> str:
    """The same, with where they are shown; in the same words for all, so that they are said once."""
    differ = settings_differ(account)
    return f"settings: {differ}, see krakencopy accounts ID --rules" if differ else ""
