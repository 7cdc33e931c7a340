"""Calls about events and logs."""

from __future__ import annotations

from datetime import datetime

from krakencopy.client.sdk.call import Follow, Listing, Stream
from krakencopy.client.sdk.intervals import limits
from krakencopy.client.sdk.pages import page_size
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns


def list_events(
    *,
    account_id: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
    timeout_s: float | None = None,
) -> Listing[pb.ListEventsResponse, nouns.Event]:
    """Events, the latest first. At most ``limit``. ``since`` and ``until``: only those from then on, and
    before then.
    """
    limited = limits(since, until)
    return Listing(
        lambda token: pb.ListEventsRequest(
            page_size=page_size(limit), page_token=token, account_id=account_id, **limited
        ),
        pb.ListEventsResponse,
        lambda answer: (answer.events, answer.next_page_token),
        limit,
        timeout_s,
    )


def watch_events(after_seq: int | None = None) -> Follow[pb.WatchEventsResponse, nouns.Event]:
    """Events after a seq (0: from the beginning), then live ones; without a seq only new ones."""
    return Follow(
        lambda after: pb.WatchEventsRequest(after_seq=after),
        pb.WatchEventsResponse,
        lambda answer: (answer.event.seq, answer.event),
        after_seq,
    )


def read_log(
    account_id: str,
    *,
    lines: int = 100,
    follow: bool = False,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Stream[pb.ReadLogResponse, str]:
    """The last lines of an account's log, or of ``"supervisor"``; with ``follow`` then new ones, without end.
    ``since`` and ``until``: only those that were written from then on, and before then.

    A log has no positions: after a lost connection it raises Unavailable and does not go on.
    """
    request = pb.ReadLogRequest(account_id=account_id, lines=lines, follow=follow, **limits(since, until))
    return Stream(request, pb.ReadLogResponse, lambda answer: answer.line, is_endless=follow)
