"""A reason makes an error a narrower class of the kind that its status says, and never another kind."""

from __future__ import annotations

import pytest

from krakencopy.account_proc.contract.refusal_catalogue import REFUSALS
from krakencopy.client.sdk.error_classes import CLASSES, class_of
from krakencopy.client.sdk.errors import (
    Compacted,
    KrakenCopyError,
    NoRoom,
    NotCurrent,
    NotFound,
    NotReady,
    OutcomeUnknown,
    PositionGone,
    Refused,
    ServerFault,
    TooMany,
    Unavailable,
)
from krakencopy.client.sdk.meanings import PROMISED


def test_every_reason_that_has_a_class_is_in_the_catalogue() -> None:
    assert CLASSES.keys() - REFUSALS.keys() == PROMISED.keys()


@pytest.mark.parametrize(
    ("reason", "kind", "found"),
    [
        ("COMPACTED", PositionGone, Compacted),
        ("GROUP_NOT_FOUND", NotFound, NotFound),
        ("MASTER_NOT_READY", Refused, NotReady),
        ("ETAG_NOT_CURRENT", Refused, NotCurrent),
        ("TOO_MANY_WATCHES", TooMany, TooMany),
        ("DISK_NOT_WRITABLE", Unavailable, NoRoom),
        ("ORDER_OUTCOME_UNKNOWN", ServerFault, OutcomeUnknown),
        ("NEVER_SEEN", Refused, Refused),
        ("", Unavailable, Unavailable),
    ],
)
def test_the_class_of_a_reason(
    reason: str, kind: type[KrakenCopyError], found: type[KrakenCopyError]
) -> None:
    assert class_of(reason, kind) is found


def test_an_exit_code_goes_by_the_status_alone() -> None:
    assert class_of("NO_ANSWER", Refused) is NotReady
    assert class_of("NO_ANSWER", Unavailable) is Unavailable
