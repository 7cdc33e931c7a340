"""Many processes read the exchange's pairs once, from a file that is believed only if it is whole, young
and from where it should be.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.kraken import shared_file
from krakencopy.account_proc.kraken.pair_rows import pair_table
from krakencopy.account_proc.kraken.pairs_cache import TURN_S, Origin, PairsCache, encode
from krakencopy.account_proc.runtime.file_lock import LockedFile
from krakencopy.account_proc.trading import current_pairs
from krakencopy.account_proc.trading.current_pairs import RULES_S, SHARED_RULES_S
from krakencopy.account_proc.trading.portfolio import Portfolio
from tests.support.copying import NOW
from tests.support.scripted_kraken import ASSETS, PAIRS, TABLE, ScriptedKraken, run, until

ORIGIN = Origin("https://exchange.example", 3, "b" * 32)
HOUR_S = 3_600.0


@dataclass
class Machine:
    """A folder, a clock that goes on when somebody waits, and how often the exchange was asked."""

    folder: Path
    now: float = 50_000.0
    asked: int = 0
    waits: list[float] = field(default_factory=list)
    table: PairTable = TABLE

    @property
    def path(self) -> Path:
        return self.folder / "listing"

    @property
    def lock(self) -> Path:
        return self.folder / "listing.lock"

    async def pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    async def ask(self) -> PairTable:
        self.asked += 1
        self.now += 1.0
        return self.table

    async def unanswered(self) -> PairTable:
        raise OutcomeUnknown("AssetPairs", "timeout")

    def listing(self, account: str = "anna", origin: Origin = ORIGIN) -> PairsCache:
        return PairsCache(self.path, account, origin, clock=lambda: self.now, pause=self.pause)

    def get(self, age_max_s: float = HOUR_S, account: str = "anna", origin: Origin = ORIGIN) -> PairTable:
        table, age_s = asyncio.run(self.listing(account, origin).get(self.ask, age_max_s))
        assert 0 <= age_s <= max(age_max_s, 1.0)
        return table


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_first_asks_and_all_others_read_the_same(machine: Machine) -> None:
    tables = [machine.get(account=name) for name in ("anna", "ben", "eve")]
    assert machine.asked == 1
    assert {table.text for table in tables} == {TABLE.text}
    assert [table.pair("XBTUSD") for table in tables] == [TABLE.pair("BTC/USD")] * 3
    assert stat.S_IMODE(machine.path.stat().st_mode) == 0o600
    assert sorted(path.name for path in machine.folder.iterdir()) == ["listing", "listing.lock"]


def test_what_is_too_old_is_asked_for_again_and_its_age_counts_from_when_the_exchange_was_asked(
    machine: Machine,
) -> None:
    machine.get()
    _, age_s = asyncio.run(machine.listing().get(machine.ask, HOUR_S))
    assert age_s == 1.0
    machine.now += HOUR_S - 1.5
    machine.get()
    assert machine.asked == 1
    machine.now += 0.5
    machine.get()
    assert machine.asked == 2


def test_whoever_wants_it_as_it_is_now_is_not_given_what_was_asked_for_before(machine: Machine) -> None:
    machine.get()
    machine.get(age_max_s=0.0)
    assert machine.asked == 2


def test_a_file_that_was_changed_or_cut_anywhere_is_not_believed(machine: Machine) -> None:
    machine.get()
    whole = machine.path.read_bytes()
    listing = machine.listing()
    assert listing._read(0.0) is not None
    for at in range(len(whole)):
        machine.path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert listing._read(0.0) is None, f"byte {at} was changed"
        machine.path.write_bytes(whole[:at])
        assert listing._read(0.0) is None, f"cut after {at} bytes"
    machine.path.write_bytes(whole + b"\n")
    assert listing._read(0.0) is None
    machine.get()
    assert (machine.asked, machine.path.read_bytes() != whole) == (2, True)


@pytest.mark.parametrize(
    "other",
    [
        replace(ORIGIN, rest_url="https://another.example"),
        replace(ORIGIN, run=4),
        replace(ORIGIN, boot="c" * 32),
    ],
    ids=["exchange", "run", "boot"],
)
def test_what_is_from_elsewhere_is_not_believed(machine: Machine, other: Origin) -> None:
    machine.get(origin=other)
    machine.get()
    assert machine.asked == 2
    machine.get()
    assert machine.asked == 2


def test_what_is_from_the_future_is_not_believed(machine: Machine) -> None:
    machine.get()
    machine.now -= 10.0
    machine.get()
    assert machine.asked == 2


@pytest.mark.parametrize(
    "header",
    ["[]", "null", "{}", "no JSON", json.dumps({"form": "another program's"}), "[" * 4000],
)
def test_another_programs_file_is_not_believed(machine: Machine, header: str) -> None:
    machine.path.write_text(f"{'0' * 64}\n{header}\n\n")
    machine.get()
    assert machine.asked == 1


def test_what_is_no_file_holds_nobody_up(machine: Machine, tmp_path: Path) -> None:
    os.mkfifo(machine.path)
    machine.get()
    assert (machine.asked, machine.path.is_file()) == (1, True)
    target = tmp_path / "elsewhere"
    machine.path.rename(target)
    machine.path.symlink_to(target)
    machine.get()
    assert (machine.asked, machine.path.is_symlink()) == (2, False)


def test_where_nothing_can_be_locked_or_written_each_asks_by_itself(machine: Machine) -> None:
    machine.folder = Path("/dev/null")
    assert machine.get().text == TABLE.text
    assert machine.get().text == TABLE.text
    assert (machine.asked, machine.waits) == (2, [])


def test_who_cannot_write_has_what_it_asked_for(machine: Machine) -> None:
    (machine.folder / "listing.anna.new").mkdir()
    assert machine.get().text == TABLE.text
    assert not machine.path.exists()


def test_while_another_asks_it_is_waited_for_and_not_asked_again(machine: Machine) -> None:
    turn = LockedFile(machine.lock, "the listing")
    pause = machine.pause

    async def ended_meanwhile(seconds: float) -> None:
        await pause(seconds)
        if len(machine.waits) == 3:
            turn.close()
            await machine.listing("ben").get(machine.ask, HOUR_S)

    machine.pause = ended_meanwhile  # type: ignore[method-assign]
    machine.get(age_max_s=0.0)
    assert machine.asked == 1


def test_what_another_wrote_between_the_look_and_the_turn_is_not_asked_for_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def a_moment_later(path: Path, what: str) -> LockedFile:
        machine.path.write_bytes(encode(TABLE, ORIGIN, machine.now))
        return LockedFile(path, what)

    monkeypatch.setattr(shared_file, "LockedFile", a_moment_later)
    assert machine.get().text == TABLE.text
    assert machine.asked == 0


def test_another_that_does_not_end_is_not_waited_for_long(machine: Machine) -> None:
    turn = LockedFile(machine.lock, "the listing")
    began = machine.now
    assert machine.get().text == TABLE.text
    turn.close()
    assert machine.asked == 1
    assert TURN_S <= sum(machine.waits) < TURN_S + 1
    assert machine.now - began < TURN_S + 2


def test_the_exchanges_error_is_everyones_own_and_the_next_may_try_at_once(machine: Machine) -> None:
    with pytest.raises(OutcomeUnknown, match="timeout"):
        asyncio.run(machine.listing().get(machine.unanswered, HOUR_S))
    assert not machine.path.exists()
    assert machine.get().text == TABLE.text
    assert machine.waits == []


def _get(folder: str, asked: str) -> None:
    def note() -> None:
        with Path(asked).open("a") as file:
            file.write("asked\n")

    async def ask() -> PairTable:
        note()
        await asyncio.sleep(0.2)
        return TABLE

    listing = PairsCache(Path(folder) / "listing", str(os.getpid()), ORIGIN)
    table, _ = asyncio.run(listing.get(ask, HOUR_S))
    assert table.text == TABLE.text


def test_of_processes_that_start_together_one_asks(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    asked = tmp_path / "asked"
    workers = [spawn.Process(target=_get, args=(str(tmp_path), str(asked))) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert asked.read_text().splitlines() == ["asked"]


# -- accounts that share one -------------------------------------------------------------------------------


class Account:
    """A portfolio that shares a listing with others, and how often its exchange was asked for pairs."""

    def __init__(self, machine: Machine, name: str) -> None:
        self.machine = machine
        self.asked = 0
        self.kraken = ScriptedKraken({"Balance": {"ZUSD": "1000"}})
        self.exchange = self.kraken.exchange
        self.exchange.market.asset_pairs = self._asset_pairs  # type: ignore[method-assign]
        self.portfolio = Portfolio(
            self.exchange, lambda: None, lambda: NOW + machine.now, 1.0, machine.listing(name)
        )

    async def _asset_pairs(self) -> PairTable:
        self.asked += 1
        self.machine.now += 0.1
        return pair_table(self.kraken.always["AssetPairs"], ASSETS)

    def ordermin(self) -> str:
        return str(self.portfolio.pairs.table.pair("BTC/USD").ordermin)


def test_accounts_that_start_together_ask_once_and_read_names_by_what_they_were_given(
    machine: Machine,
) -> None:
    async def steps() -> None:
        accounts = [Account(machine, name) for name in ("anna", "ben", "eve")]
        for account in accounts:
            await account.portfolio.load()
            assert account.portfolio.wallet.balances() == {"USD": 1000}
        assert [account.asked for account in accounts] == [1, 0, 0]

    run(steps())


def test_rules_that_were_wrong_for_one_are_read_anew_and_are_right_for_the_next_that_looks(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(current_pairs, "RULES_PAUSE_S", 0.0)

    async def steps() -> None:
        anna, ben = Account(machine, "anna"), Account(machine, "ben")
        await anna.portfolio.load()
        await ben.portfolio.load()
        grown = {key: row | {"ordermin": "0.5"} for key, row in PAIRS.items()}
        anna.kraken.always["AssetPairs"] = ben.kraken.always["AssetPairs"] = grown
        keeping = [asyncio.create_task(account.portfolio.pairs.keep_fresh()) for account in (anna, ben)]
        anna.portfolio.pairs.rules_are_wrong()
        await until(lambda: anna.ordermin() == "0.5")
        assert (anna.asked, ben.asked, ben.ordermin()) == (2, 0, "0.00005")
        machine.now += SHARED_RULES_S / 2
        eve = Account(machine, "eve")
        await eve.portfolio.load()
        assert (eve.asked, eve.ordermin()) == (0, "0.5")
        # An order of Ben's is refused: what was read before that is not good enough.
        ben.portfolio.pairs.rules_are_wrong()
        await until(lambda: ben.ordermin() == "0.5")
        assert ben.asked == 1
        for task in keeping:
            task.cancel()

    run(steps())


def test_a_pair_that_is_not_known_is_looked_for_at_the_exchange_and_not_in_the_file(machine: Machine) -> None:
    async def steps() -> None:
        anna, ben = Account(machine, "anna"), Account(machine, "ben")
        listed = dict(PAIRS)
        anna.kraken.always["AssetPairs"] = {"XETHZUSD": PAIRS["XETHZUSD"]}
        await anna.portfolio.load()
        await ben.portfolio.load()
        assert ben.portfolio.pairs.table.find("BTC/USD") is None
        ben.kraken.always["AssetPairs"] = listed
        await ben.portfolio.pairs.read()
        assert ben.portfolio.pairs.table.find("BTC/USD") is not None
        assert (anna.asked, ben.asked) == (1, 1)

    run(steps())


def test_no_rules_are_used_for_longer_than_by_a_process_that_reads_alone(machine: Machine) -> None:
    async def steps() -> None:
        anna, ben = Account(machine, "anna"), Account(machine, "ben")
        await anna.portfolio.load()
        machine.now += SHARED_RULES_S - 1
        await ben.portfolio.load()
        assert ben.asked == 0
        # The next reading counts from when the exchange was asked, not from when the file was read.
        assert ben.portfolio.now() - ben.portfolio.pairs._read_at == pytest.approx(SHARED_RULES_S - 1, abs=1)
        assert SHARED_RULES_S < 0.75 * RULES_S

    run(steps())
