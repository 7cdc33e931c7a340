"""Calls about what users made of fills."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from krakencopy.client.sdk.call import Follow, Listing
from krakencopy.client.sdk.intervals import limits
from krakencopy.client.sdk.pages import page_size
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

if TYPE_CHECKING:  # the command line does without the enums
    from krakencopy.client.sdk.generated.enums import CopyState


def list_copies(
    *,
    account_id: str = "",
    fill_seq: int = 0,
    state: CopyState | nouns.CopyState.ValueType | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
    timeout_s: float | None = None,
) -> Listing[pb.ListCopiesResponse, nouns.Copy]:
    """Copies of one or all users, the one that changed last first. At most ``limit``. ``since`` and
    ``until``: only those whose last hop was from then on, and before then.
    """
    limited = limits(since, until)
    return Listing(
        lambda token: pb.ListCopiesRequest(
            page_size=page_size(limit),
            page_token=token,
            account_id=account_id,
            fill_seq=fill_seq,
            state=nouns.CopyState.ValueType(state or nouns.COPY_STATE_UNSPECIFIED),
            **limited,
        ),
        pb.ListCopiesResponse,
        lambda answer: (answer.copies, answer.next_page_token),
        limit,
        timeout_s,
    )


def watch_copies(
    after_change: int | None = None, *, account_id: str = ""
) -> Follow[pb.WatchCopiesResponse, pb.WatchCopiesResponse]:
    """Changes of copies after a change number (0: from the beginning), then live ones; without a number only
    new ones.
    """
    return Follow(
        lambda after: pb.WatchCopiesRequest(after_change=after, account_id=account_id),
        pb.WatchCopiesResponse,
        lambda answer: (answer.change, answer),
        after_change,
    )
