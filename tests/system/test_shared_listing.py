"""The exchange's pairs are asked for once for all processes, and again whenever what is known may be
wrong.
"""

from __future__ import annotations

from decimal import Decimal

from krakencopy.v1 import types_pb2
from tests.support.system import Paper, System, wait_for

USERS = [f"user{number}" for number in range(8)]
#: A tenth of the master.
TERMS = 'copy = { sizing = "fixed_ratio", ratio = "0.1" }'


def times_asked(paper: Paper) -> int:
    """Each time for currencies and for tokenised assets, which are listed by themselves."""
    return (int(paper.call("GET", "/calls")["called"]["GET /0/public/AssetPairs"]) + 1) // 2


def ordermins(system: System) -> set[str]:
    """What the users know of BTC/USD."""
    with system.api() as api:
        accounts = [api.get_account(user) for user in USERS]
    return {
        pair.ordermin for account in accounts for pair in account.preflight.pairs if pair.pair == "BTC/USD"
    }


def test_many_processes_ask_for_pairs_once_and_an_order_refused_by_a_minimum_has_them_asked_for_again() -> (
    None
):
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        with System(paper, dict.fromkeys(USERS, "1000"), user_lines=dict.fromkeys(USERS, TERMS)) as system:
            system.start().wait_ready()
            wait_for("everyone to know its fees", lambda: ordermins(system) == {"0.00005"})
            assert times_asked(paper) == 1
            paper.call("POST", "/faults", kind="ordermin", pair="XBTUSD", ordermin="0.00015")
            system.buy("BTC/USD", "0.001")
            system.settled(1)
            # Refused by a minimum that nobody knew of, and carried.
            assert {copy.state for user in USERS for copy in system.copies(user)} == {
                types_pb2.COPY_STATE_CARRIED
            }
            wait_for("everyone to know the new minimum", lambda: ordermins(system) == {"0.00015"})
            assert 1 < times_asked(paper) <= 1 + len(USERS)
            system.buy("BTC/USD", "0.001")
            system.settled(2)
            assert [Decimal(row["volume"]) for row in paper.fills(USERS[0])] == [Decimal("0.0002")]
            # A file that somebody has spoilt costs one call.
            listing = system.state_dir / "run" / "listing"
            listing.write_bytes(listing.read_bytes().replace(b"0.00015", b"0.00000"))
            before, old = times_asked(paper), system.pids()
            system.command("restart", USERS[0])
            system.command("restart", USERS[1])
            wait_for(
                "both to run again",
                lambda: (
                    all(system.pids().get(user, old[user]) != old[user] for user in USERS[:2])
                    and system.status().ready
                ),
            )
            assert times_asked(paper) == before + 1
