"""A coin's position and its fills follow it to its new name."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.master_coins import MasterCoins
from krakencopy.v1 import types_pb2 as pb
from tests.support.journal_samples import filled
from tests.support.supervisor_samples import fill


def test_a_name_in_a_fill_means_the_coin_that_had_it_then(path: Path) -> None:
    filled(path)
    with closing(Journal(path)) as journal:
        journal.rename("LUNA", "LUNC")
        journal.rename("LUNA2", "LUNA")
    with closing(Journal(path)) as journal:
        for pair, before, after in (
            ("LUNA/USD", "LUNC/USD", "LUNA/USD"),
            ("LUNA2/USD", "LUNA/USD", "LUNA2/USD"),
            ("ETH/LUNA", "ETH/LUNC", "ETH/LUNA"),
            ("LUNA", "LUNA", "LUNA"),
        ):
            assert journal.coins.pair_now(pb.Fill(seq=journal.head, pair=pair)) == before
            assert journal.coins.pair_now(pb.Fill(seq=journal.head + 1, pair=pair)) == after


def test_what_is_held_of_a_renamed_coin_is_held_under_its_new_name_and_goes_on() -> None:
    coins = MasterCoins({}, [])
    coins.count_fill(fill(1, pair="MATIC/USD", volume="2"))
    assert not coins.is_renamed("MATIC", "POL")
    coins.rename("MATIC", "POL", after_seq=1)
    later = fill(2, pair="MATIC/USD", volume="1")
    coins.count_fill(later)
    assert (later.journal_position, later.journal_position_after) == ("2", "3")
    assert (coins.traded(), coins.position("MATIC"), coins.position("POL")) == (
        ["POL"],
        Decimal(3),
        Decimal(3),
    )
    assert (coins.is_known("MATIC"), coins.is_known("POL"), coins.is_known("ETH")) == (True, True, False)
    assert (coins.pair_of("MATIC"), coins.pair_of("POL"), coins.pair_of("ETH")) == ("POL/USD", "POL/USD", "")
    assert coins.is_renamed("MATIC", "POL")
    with pytest.raises(ValueError, match="MATIC was renamed to POL already"):
        coins.is_renamed("MATIC", "ETH")
    with pytest.raises(ValueError, match="POL is POL already"):
        coins.is_renamed("POL", "POL")
