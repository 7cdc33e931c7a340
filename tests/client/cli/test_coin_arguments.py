"""What rename and resync take."""

from __future__ import annotations

import pytest

from krakencopy.client.cli.arguments import parse
from krakencopy.client.sdk.errors import BadInput


def test_rename_takes_both_names() -> None:
    given = parse(["rename", "MATIC", "POL"])
    assert (given.old, given.new) == ("MATIC", "POL")


def test_resync_takes_a_user_and_how() -> None:
    given = parse(["resync", "ann", "--dry-run", "--not-worse", "--reason", "late"])
    assert (given.id, given.dry_run, given.not_worse, given.reason, given.yes) == (
        "ann", True, True, "late", False
    )  # fmt: skip
    with pytest.raises(BadInput, match="characters"):
        parse(["resync", "ann", "--reason", "x" * 10_000])
    with pytest.raises(BadInput):
        parse(["resync"])
