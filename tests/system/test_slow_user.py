"""A slow or dead user delays nobody: its fills wait in the journal, and it takes them up from there."""

from __future__ import annotations

import os
import signal
from decimal import Decimal

from tests.support.system import Paper, System, freeze, wait_for

FILLS = 20
#: As much as the master, whatever fees have left of the balances.
TERMS = 'copy = { sizing = "fixed_ratio", ratio = "1", max_user_risk = "1" }'


def test_while_one_user_is_stopped_the_others_copy_everything_and_afterwards_it_catches_up() -> None:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        users = dict.fromkeys(("anna", "ben", "eve"), "1000")
        with System(paper, users, user_lines=dict.fromkeys(users, TERMS)) as system:
            system.start().wait_ready()
            stopped = system.pids()["anna"]
            freeze(stopped)
            with system.api() as api:
                for _ in range(FILLS):
                    api.place_order("buy", "BTC/USD", Decimal("0.0001"))

            def bought() -> dict[str, Decimal]:
                volumes = dict.fromkeys(users, Decimal(0))
                for row in paper.rows("fills"):
                    if row["account"] in volumes:
                        volumes[row["account"]] += Decimal(row["volume"])
                return volumes

            everything = FILLS * Decimal("0.0001")
            before = wait_for(
                "the others to have copied everything",
                lambda: found if (found := bought())["ben"] == found["eve"] == everything else None,
            )
            assert before["anna"] == 0
            assert system.pids()["anna"] == stopped
            os.kill(stopped, signal.SIGCONT)
            system.settled(FILLS)
            assert bought()["anna"] == everything
