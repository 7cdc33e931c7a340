from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.compare import comparison, in_turn, verdict
from tests.bench.figures import Axis, chart, figures
from tests.bench.flood import TOGETHER
from tests.bench.flooder import KINDS
from tests.bench.hops import HOPS
from tests.bench.machine import facts, is_quiet
from tests.bench.numbers import numbers
from tests.bench.ours import running
from tests.bench.person import travels
from tests.bench.results import Results
from tests.bench.rows import Burst, Copying, Cpu, Flood, Standing, Stopping, Sustained, Watched, Way, Who
from tests.bench.run import SHORT, Run
from tests.bench.table import aligned, table
from tests.bench.timing import RoundRobin, Spread, p99
from tests.support.system import ROOT

NUMBERS = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=300)


def spread_of(**values: float) -> dict[str, Spread]:
    return {name: Spread.of([value]) for name, value in values.items()}


def sample(factor: float = 1.0) -> Results:
    """A run of two sizes, made up; krakencopy's own times are ``factor`` as large."""

    def cell(who: Who, users: int, answer_ms: int) -> Copying:
        each = {
            Who.OURS: 4.0 * factor,
            Who.BEFORE: 5.0,
            Who.ASYNCIO: 8.0,
            Who.LOOP: 40.0 + answer_ms,
            Who.FLOOR: 2.0,
        }
        base = each[who] * users
        rounds = [RoundRobin(base + n / 100, base + 1 + n / 100, base + 2 + n / 100) for n in range(200)]
        return Copying.of(who, users, answer_ms, rounds)

    return Results(
        machine={"cores": "2", "load": "0.10"},
        copying=[cell(who, users, ms) for users in (1, 100) for who in Who for ms in (0, 50)],
        ways=[Way(users, 50, dict.fromkeys(HOPS, Spread.of([1.0, 2.0]))) for users in (1, 100)],
        standing=[
            Standing(1, 0.5, 0.001, 20.0, 20.0, Spread.of([1.0, 2.0])),
            Standing(100, 4.0, 0.1, None, None, Spread.of([5.0, 6.0])),
            Standing(100, 8.0, 0.1, 20.0, 20.0, Spread.of([5.0, 6.0]), Who.BEFORE),
        ],
        bursts=[Burst(50, 1000, 50, 700, 49_300, 0, 0, 0.5, 2.5)],
        floods=[
            Flood(
                "status calls",
                10,
                Spread.of([6.0]),
                9.0,
                8.0,
                Spread.of([5.0]),
                6.0,
                Spread.of([4.0]),
                4.5,
                60.0,
                30.0,
            )
        ],
        watched=[Watched(10, 200, Spread.of([5.5]), 7.0, Spread.of([5.0]), 6.0)],
        cpu=[
            Cpu(
                Who.OURS, 10, 50, spread_of(user=1.5, own=2.0, exchange=0.5), spread_of(own=6.0, exchange=1.0)
            ),
            Cpu(Who.ASYNCIO, 10, 50, spread_of(script=0.3, own=0.3), spread_of(script=0.4, own=0.4)),
        ],
        sustained=[
            Sustained(Who.ASYNCIO, 100, 50, 120.0, 5.0, Spread.of([200.0]), []),
            Sustained(Who.OURS, 100, 50, 120.0, 2.5, Spread.of([400.0]), [{"rate": 2.5}]),
            Sustained(Who.BEFORE, 100, 50, 120.0, None, None, [{"rate": 2.5}]),
        ],
        commits_per_s=2500.0,
        stopping=[Stopping(10, Spread.of([6.0]), Spread.of([70.0]))],
    )


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - written here


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=150, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# -- numbers -----------------------------------------------------------------------------------------------


def test_a_round_is_told_from_the_fill_to_the_first_the_median_and_the_last_order() -> None:
    assert RoundRobin.of(1_000_000, [9_000_000, 2_000_000, 4_000_000]) == RoundRobin(
        first=1.0, middle=3.0, last=8.0
    )


@pytest.mark.parametrize(("count", "worse"), [(1, 0), (99, 0), (100, 0), (199, 1), (200, 1), (1000, 9)])
def test_fewer_than_one_in_a_hundred_are_worse_than_the_p99(count: int, worse: int) -> None:
    ranked = [float(number) for number in range(count)]
    assert sum(number > p99(ranked) for number in ranked) == worse


@given(NUMBERS)
def test_the_median_lies_in_its_range_and_the_range_among_the_values(values: list[float]) -> None:
    spread = Spread.of(values)
    assert min(values) <= spread.low <= spread.median <= spread.high <= max(values)
    assert spread.median <= spread.p99 <= max(values)
    assert spread.count == len(values)


def test_the_range_of_200_values_median_is_known_to_the_rank() -> None:
    spread = Spread.of([float(number) for number in range(1, 201)])
    # By the binomial distribution: between the 87th and the 114th with 95 %.
    assert (spread.low, spread.high) == (87.0, 114.0)


def test_a_ratio_is_as_uncertain_as_both_of_its_sides() -> None:
    assert Spread(9, 6.0, 9.0, 4.0, 8.0).over(Spread(5, 2.0, 3.0, 1.0, 4.0)) == Spread(5, 3.0, 3.0, 1.0, 8.0)


def test_results_are_the_same_after_their_way_to_json_and_back() -> None:
    assert Results.from_json(sample().to_json()) == sample()


# -- tables ------------------------------------------------------------------------------------------------


def test_numbers_stand_to_the_right_and_words_to_the_left() -> None:
    assert list(aligned([("who", "ms"), ("loop", "7"), ("a", "100")])) == [
        "who    ms",
        "loop    7",
        "a     100",
    ]


def test_the_table_has_the_ratio_of_the_last_orders_to_the_script_the_loop_and_the_floor() -> None:
    lines = table(sample()).splitlines()
    row = next(line.split() for line in lines if line.split()[:2] == ["100", "krakencopy"])
    # 100 users: 400, 500, 800, 4000 and 200 ms, each and about 3 ms.
    assert row[-4:] == ["0.801", "0.502", "0.101", "1.99"]
    assert row[2] == "200"


def test_a_cell_that_was_not_measured_is_left_out_and_has_no_ratio() -> None:
    whole = sample()
    results = replace(whole, copying=[cell for cell in whole.copying if cell.who is not Who.LOOP])
    lines = table(results).splitlines()
    assert not any("loop" in line.split() for line in lines if line[:1] == " ")
    assert next(line.split() for line in lines if "krakencopy" in line)[-2] == "-"


def test_what_was_left_out_is_said() -> None:
    assert "LEFT OUT" not in table(sample())
    lines = table(replace(sample(), left_out=["asyncio: no ccxt"])).splitlines()
    assert "LEFT OUT: asyncio: no ccxt" in lines


def test_a_run_without_ccxt_or_without_so_many_users_says_what_it_leaves_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    amounts = replace(SHORT, users=[1], load_users=100)
    assert Run(amounts, {}, tmp_path / "python").results.left_out == [
        f"asyncio: there is no {tmp_path}/python (make conformance installs it)",
        "sustained load: it is of 100 users",
    ]
    assert capsys.readouterr().err.count("LEFT OUT") == 2
    assert Run(SHORT, {}, Path(sys.executable)).results.left_out == []


def test_a_busy_machine_is_warned_of() -> None:
    assert "WARNING" not in table(sample())
    assert "WARNING" in table(replace(sample(), machine={"load": "1.50"}))


def test_the_machine_is_told_with_its_load() -> None:
    here = facts()
    assert all(here.values())
    assert is_quiet(here) == (float(here["load"]) <= 1)


def test_a_flood_stands_beside_the_same_without_one() -> None:
    (flood,) = sample().floods
    assert (flood.median_ratio, flood.p95_ratio) == (1.2, 1.5)
    assert (flood.median_over_elsewhere, flood.p95_over_elsewhere) == (1.5, 2.0)
    row = next(line.split() for line in table(sample()).splitlines() if line.startswith("status calls"))
    assert row[2:] == ["10", "6.0", "9.0", "8.0", "1.20", "1.50", "1.50", "2.00", "60", "30"]


def test_halts_and_flattens_have_a_row_for_each_number_of_users() -> None:
    lines = table(sample()).splitlines()
    at = next(number for number, line in enumerate(lines) if line.split()[2:3] == ["halts"])
    assert lines[at + 1].split() == ["10", "krakencopy", "1", "6.0", "6.0", "1", "70.0", "70.0"]


def test_cpu_time_has_a_row_until_the_order_and_one_until_the_end() -> None:
    lines = table(sample()).splitlines()
    at = next(number for number, line in enumerate(lines) if "script" in line.split())
    assert lines[at].split()[-4:] == ["user", "script", "own", "exchange"]
    assert [line.split()[-4:] for line in lines[at + 1 : at + 5]] == [
        ["1.50", "-", "2.00", "0.50"],
        ["-", "-", "6.00", "1.00"],
        ["-", "0.30", "0.30", "-"],
        ["-", "0.40", "0.40", "-"],
    ]


def test_sustained_load_has_a_row_for_each_contestant() -> None:
    lines = table(sample()).splitlines()
    at = next(number for number, line in enumerate(lines) if "trials" in line.split())
    assert [line.split()[2:] for line in lines[at + 1 : at + 4]] == [
        ["asyncio", "120", "5.00", "500", "200.0", "200.0", "0"],
        ["krakencopy", "120", "2.50", "250", "400.0", "400.0", "1"],
        ["before", "120", "none", "-", "-", "-", "1"],
    ]
    assert dict(numbers(sample()))["krakencopy: fills a second of load, times the asyncio"] == 0.5


def test_results_of_before_something_was_measured_can_be_read() -> None:
    older = json.loads(sample().to_json())
    del older["stopping"], older["left_out"]
    assert Results.from_json(json.dumps(older)) == replace(sample(), stopping=[])


# -- comparison --------------------------------------------------------------------------------------------


def test_a_run_is_the_same_as_itself() -> None:
    text = comparison(sample(), sample())
    assert "MORE" not in text
    assert "LESS" not in text
    assert text.count("\n") == 1 + sum(number is not None for _, number in numbers(sample()))


def test_only_what_became_slower_is_said_to_be_more() -> None:
    more = [line for line in comparison(sample(), sample(1.5)).splitlines() if "MORE" in line]
    # Three times and four ratios each.
    assert len(more) == sum(cell.who is Who.OURS for cell in sample().copying) * 7
    assert all(line.startswith("krakencopy") for line in more)
    assert not any("MORE" in line for line in comparison(sample(1.5), sample()).splitlines())


def test_ranges_that_meet_are_no_change_and_what_was_measured_once_has_no_verdict() -> None:
    slow, fast = Spread(9, 5.0, 6.0, 4.0, 6.0), Spread(9, 3.0, 4.0, 2.0, 4.0)
    assert verdict(slow, fast) == verdict(fast, slow) == "same"
    assert verdict(slow, replace(fast, high=3.9)) == "LESS"
    assert verdict(1.0, 2.0) == "measured once"


def test_a_few_values_are_too_few_for_a_verdict() -> None:
    assert verdict(Spread.of([1.0] * 5), Spread.of([2.0] * 5)) == "too few"
    assert verdict(Spread.of([1.0] * 6), Spread.of([2.0] * 6)) == "MORE"


def test_both_builds_of_one_run_are_compared_with_each_other() -> None:
    lines = in_turn(sample()).splitlines()
    (line,) = (line for line in lines if line.startswith("100 users, answer 50 ms: last order, ms"))
    assert line.split()[-4:] == ["503", "403", "0.80", "LESS"]
    (line,) = (line for line in lines if line.startswith("100 users: start, s"))
    assert line.split()[-5:] == ["8", "4", "0.50", "measured", "once"]


def test_a_run_of_one_build_has_nothing_to_compare_in_turn() -> None:
    whole = sample()
    ours = [cell for cell in whole.copying if cell.who is not Who.BEFORE]
    standing = [each for each in whole.standing if each.who is not Who.BEFORE]
    load = [each for each in whole.sustained if each.who is not Who.BEFORE]
    alone = replace(whole, copying=ours, standing=standing, sustained=load)
    assert in_turn(alone) == ""
    assert "before" not in table(alone)


def test_what_only_one_run_has_is_said() -> None:
    more = replace(sample(), bursts=[])
    assert "only in base" in comparison(sample(), more)
    assert "only in new" in comparison(more, sample())


# -- figures -----------------------------------------------------------------------------------------------


def test_every_picture_is_xml_with_a_title_a_legend_and_a_mark_for_each_point() -> None:
    pictures = figures(sample())
    assert set(pictures) == {
        "orders-0ms.svg", "orders-50ms.svg", "start.svg", "memory.svg", "idle.svg", "status.svg",
    }  # fmt: skip
    for text in pictures.values():
        parsed(text)
    root = parsed(pictures["orders-50ms.svg"])
    words = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert {*Who, "users", "ms after the master's fill"} <= set(words)
    marks = [element for element in root.iter() if element.get("class") in {"m0", "m1", "m2", "m3", "m4"}]
    assert len(marks) == len(Who) * (2 + 1), "two sizes and one in the legend, each"


def test_signs_of_xml_in_words_are_only_words() -> None:
    root = parsed(chart("a < b & c", "<", ("&", ">"), [], log=False))
    assert root[0].text == "a < b & c"


@given(NUMBERS, st.booleans())
def test_every_value_and_every_tick_stands_inside_of_its_axis(values: list[float], log: bool) -> None:
    axis = Axis.over("x", values, (100.0, 500.0), log=log)
    assert all(100 <= axis.at(value) <= 500 for value in (*values, *axis.ticks()))


@given(st.floats(0.001, 1e6))
def test_a_linear_axis_has_a_few_ticks_from_zero_to_its_end(most: float) -> None:
    axis = Axis.over("x", [most], (0.0, 1.0), log=False)
    ticks = axis.ticks()
    assert ticks[0] == 0
    assert ticks[-1] == pytest.approx(axis.most)
    assert 3 <= len(ticks) <= 7


# -- all of it ---------------------------------------------------------------------------------------------


def positive(spread: Spread) -> bool:
    return all(number > 0 for number in asdict(spread).values())


def test_the_system_of_another_checkout_runs_that_checkouts_code(tmp_path: Path) -> None:
    (tmp_path / "protos").symlink_to(ROOT / "protos")
    with running(1, tmp_path) as before:
        for kind, pids in before.contestant.processes.items():
            for pid in pids:
                assert str(tmp_path / "protos") in Path(f"/proc/{pid}/environ").read_text(), kind
        (travel,) = travels(before.contestant, 1)
    assert set(travel.arrivals_ns) == {"user000"}


def test_a_folder_without_stubs_is_no_checkout(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--short", "--against", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "make stubs" in done.stderr


def test_a_short_run_fills_every_cell_and_can_be_compared(tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    # Our own environment has ccxt as well, for accounts at other brokers.
    text = run(
        "tests.bench", "--short", "--users", "2", "--fills", "3", "--out", str(out), "--ccxt", sys.executable
    )
    results = Results.from_json(out.read_text())
    assert text == out.with_suffix(".txt").read_text() == table(results)
    cells = {(cell.who, cell.users, cell.answer_ms) for cell in results.copying}
    assert cells == {(who, 2, ms) for who in Who if who is not Who.BEFORE for ms in (0, 50)}
    for cell in results.copying:
        assert positive(cell.first)
        assert cell.first.median <= cell.middle.median <= cell.last.median
        assert cell.first.count == cell.middle.count == cell.last.count == 3
    (standing,) = results.standing
    assert (standing.who, standing.users) == (Who.OURS, 2)
    assert standing.start_s > 0
    assert positive(standing.status)
    # So short an idle time may cost no tick of the processes' clocks; memory may be hidden, and is not
    # nothing.
    assert standing.idle_cores >= 0
    assert standing.memory_mib != 0
    assert [(burst.who, burst.answer_ms) for burst in results.bursts] == [(Who.OURS, 0), (Who.OURS, 50)]
    assert all(burst.orders >= 2 and burst.last_s > 0 for burst in results.bursts)
    assert all(burst.orders + burst.merged == 2 * 20 and not burst.uncopied for burst in results.bursts)
    assert [flood.kind for flood in results.floods] == [*KINDS, TOGETHER]
    for flood in results.floods:
        assert positive(flood.last)
        assert flood.last.count == flood.calm_last.count == flood.elsewhere_last.count == 2
        assert 0 < flood.front_mib < 256
        assert flood.supervisor_mib > 0
    assert {cpu.who for cpu in results.cpu} == {Who.OURS, Who.ASYNCIO}
    for cpu in results.cpu:
        assert 0 < cpu.left["own"].median <= cpu.settled["own"].median
    assert [load.who for load in results.sustained] == [Who.OURS, Who.ASYNCIO]
    assert all(load.trials for load in results.sustained)
    (stopped,) = results.stopping
    assert (stopped.users, stopped.halt.count, stopped.flatten.count) == (2, 2, 1)
    assert positive(stopped.halt)
    assert positive(stopped.flatten)
    assert results.commits_per_s > 0
    # The loop asks for a balance before each order, and waits for both answers.
    loop = results.cell(Who.LOOP, 2, 50)
    assert loop is not None
    assert loop.first.median > 50
    assert loop.last.median > 150
    assert set(tmp_path.glob("*.svg"))
    slow = json.loads((tmp_path / "slowest.json").read_text())
    assert len(slow) == 2 * (2 * 3), "each copy of each fill, at both answer times"
    for copy in slow:
        stamps = copy["stamps_ms"]
        assert 0 < stamps["journalled"] < stamps["user received"] < stamps["sent"] < stamps["finished"]
    compared = run("tests.bench.compare", str(out), str(out))
    assert "1.00" in compared
    assert "MORE" not in compared
