"""Whose a file of the state folder is: which mode and which exchange its content is about. Pure.

Journal and ledgers say so from their creation on. What one run has learnt of one exchange's orders and coins
means nothing at another: a paper ledger would sell a real account's own coins.
"""

from __future__ import annotations

from urllib.parse import urlsplit

#: A paper exchange that is started with the supervisor, and forgets everything with it.
PAPER_OF_ITS_OWN = "a paper run with an exchange of its own"


def owner_at(mode: str, url: str) -> str:
    """A run in this mode ("live", "paper") at the exchange or broker of this URL or name."""
    return f"a {mode} run at {_origin(url)}"


def _origin(url: str) -> str:
    """Scheme, host and port: where in it the API begins is not whose it is."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else url


def is_foreign(found: str | None, owner: str, *, adopt: bool) -> bool:
    """Whether a file that says ``found`` is not this owner's. An empty ``owner`` asks for nobody."""
    if not owner:
        return False
    return found != owner and (bool(found) or not adopt)


def why_foreign(path: object, found: str | None, owner: str) -> str:
    """What is wrong with a file that is foreign."""
    if found:
        return f"{path} belongs to {found}, and this is {owner}"
    return f"{path} does not say whose it is (it was made by an earlier version), and this is {owner}"
