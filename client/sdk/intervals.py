"""From when to when something is asked for: datetimes of Python's as the requests have them."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.client.sdk.errors import BadInput


def limits(since: datetime | None, until: datetime | None) -> dict[str, Timestamp]:
    """The fields ``since`` and ``until`` of a request. Raises BadInput for a time without a zone, and where
    nothing can be between the two.
    """
    given = {name: moment for name, moment in (("since", since), ("until", until)) if moment is not None}
    for name, moment in given.items():
        if moment.utcoffset() is None:
            raise BadInput(f"{name} {moment} has no time zone; write it as in datetime.now(UTC)")
    if since is not None and until is not None and since >= until:
        raise BadInput(f"since {since} is not before until {until}; nothing can be between them")
    return {name: _timestamp(moment) for name, moment in given.items()}


def _timestamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
