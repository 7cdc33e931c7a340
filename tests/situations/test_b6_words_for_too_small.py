"""Whatever words the exchange has for a too small order, the volume is carried and the rules are read
again.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from krakencopy.client.sdk.errors import KrakenCopyError
from krakencopy.v1 import types_pb2 as pb
from tests.support.system import Paper, System, wait_for


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        yield paper


def minimum_known_to(system: System, account: str) -> set[str]:
    return {pair.ordermin for pair in system.accounts()[account].preflight.pairs if pair.pair == "BTC/USD"}


@pytest.mark.parametrize("words", ["arguments", "order"])
@pytest.mark.parametrize("grown", [{"ordermin": "0.00035"}, {"costmin": "17.5"}], ids=["volume", "cost"])
def test_an_entry_that_has_become_too_small_joins_the_next(
    paper: Paper, words: str, grown: dict[str, str]
) -> None:
    """A minimum has grown since the rules were read; the refused entry is carried, the rules are read again,
    and the next entry takes it along.
    """
    with System(paper, {"anna": "100"}) as system:
        paper.call("POST", "/house", minimum_words=words)
        system.start().wait_ready()
        paper.call("POST", "/faults", kind="ordermin", pair="XBTUSD", **grown)
        system.buy("XBTUSD", "0.002")
        system.settled(1)
        (carried,) = system.copies("anna")
        assert carried.state == pb.COPY_STATE_CARRIED, (carried.reason, carried.detail)
        assert "minimum not met" in carried.reason
        wait_for("the rules", lambda: minimum_known_to(system, "anna") != {"0.00005"} or "costmin" in grown)
        system.buy("XBTUSD", "0.002")
        system.settled(2)
        carried, joined = system.copies("anna")
        assert carried.joined_copy_id == joined.copy_id
        assert joined.state == pb.COPY_STATE_FILLED
        assert Decimal(joined.filled_volume) > Decimal(carried.planned_volume) * Decimal("1.9")


@pytest.mark.parametrize(
    "error",
    [
        "EGeneral:Invalid arguments:volume minimum not met",
        "EGeneral: Invalid arguments: cost minimum not met",
        "EGeneral:Invalid arguments:volume",
        "EOrder:Cost minimum not met",
    ],
)
def test_an_order_by_hand_that_is_too_small_makes_the_rules_be_read_again(paper: Paper, error: str) -> None:
    """An operator's own order is refused as too small; it is answered in the exchange's words, and the
    pairs are asked for again.
    """
    with System(paper, {}) as system:
        system.start().wait_ready()
        paper.call(
            "POST", "/faults", kind="error", error=error, method="AddOrder", account="master", executed=False
        )
        paper.call("POST", "/pairs/XBTUSD", ordermin="0.0007")
        wait_for("the rules of the start", lambda: minimum_known_to(system, "master") == {"0.00005"})
        with pytest.raises(KrakenCopyError):
            system.buy("XBTUSD", "0.002")
        wait_for("the rules of now", lambda: minimum_known_to(system, "master") == {"0.0007"})
