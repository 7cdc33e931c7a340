"""Calls about fills of the master: listed, watched, explained, copied on demand."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from krakencopy.client.sdk.call import Ask, Follow, Listing, whole
from krakencopy.client.sdk.errors import BadInput
from krakencopy.client.sdk.intervals import limits
from krakencopy.client.sdk.operator_name import operator_name
from krakencopy.client.sdk.pages import page_size
from krakencopy.client.sdk.timeouts import ORDERS_TIMEOUT_S
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns


def list_fills(
    *,
    pair: str = "",
    after_seq: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
    timeout_s: float | None = None,
) -> Listing[pb.ListFillsResponse, nouns.Fill]:
    """Fills of the master, the latest first; with ``after_seq`` those after it, ascending. At most ``limit``.
    ``pair``: in any spelling (XBTUSD, btc-usd). ``since`` and ``until``: only those that were executed from
    then on, and before then.
    """
    limited = limits(since, until)
    return Listing(
        lambda token: pb.ListFillsRequest(
            page_size=page_size(limit), page_token=token, pair=pair, after_seq=after_seq, **limited
        ),
        pb.ListFillsResponse,
        lambda answer: (answer.fills, answer.next_page_token),
        limit,
        timeout_s,
    )


def watch_fills(after_seq: int | None = None, *, pair: str = "") -> Follow[pb.WatchFillsResponse, nouns.Fill]:
    """Fills after a seq (0: from the beginning), then live ones; without a seq only new ones. ``pair``: only
    of this one, in any spelling.
    """
    return Follow(
        lambda after: pb.WatchFillsRequest(after_seq=after, pair=pair),
        pb.WatchFillsResponse,
        lambda answer: (answer.fill.seq, answer.fill),
        after_seq,
    )


def explain_fill(
    *, seq: int | None = None, exec_id: str | None = None, timeout_s: float | None = None
) -> Ask[pb.ExplainFillResponse, pb.ExplainFillResponse]:
    """One fill, by its seq or its execution id, and what every user made of it. Raises NotFound."""
    if (seq is None) == (exec_id is None):
        raise BadInput("explain_fill wants either a seq or an exec_id")
    request = pb.ExplainFillRequest(**({"seq": seq} if seq is not None else {"exec_id": exec_id}))
    return Ask(request, pb.ExplainFillResponse, whole, timeout_s)


def copy_fill(
    *,
    seq: int | None = None,
    exec_id: str | None = None,
    account_ids: Iterable[str] = (),
    dry_run: bool = False,
    by: str = "",
    request_id: str = "",
    timeout_s: float | None = None,
) -> Ask[pb.CopyFillResponse, pb.CopyFillResponse]:
    """Have users copy one fill, by its seq or its execution id: those named, the users of groups named, or
    without any all that copy. With ``dry_run`` only say what each would do.

    Whatever is asked how often, a user copies a fill at most once: one that has is named with what became of
    it. The answer has one entry for each user: copied, waiting, already copied, refused, or not reached.
    ``by``: who asks, this machine user unless given. Raises NotFound, Refused.
    """
    if (seq is None) == (exec_id is None):
        raise BadInput("copy_fill wants either a seq or an exec_id")
    request = pb.CopyFillRequest(
        request_id=request_id or str(uuid.uuid4()),
        **({"seq": seq} if seq is not None else {"exec_id": exec_id}),
        account_ids=account_ids,
        by=by or operator_name(),
        dry_run=dry_run,
    )
    limit_s = ORDERS_TIMEOUT_S if timeout_s is None else timeout_s
    return Ask(request, pb.CopyFillResponse, whole, limit_s, once_for_ever=True)
