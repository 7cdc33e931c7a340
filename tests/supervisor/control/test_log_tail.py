"""Whoever reads a log gets its last lines whole, and of what follows every line once, through rotation and
truncation.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from krakencopy.supervisor.control import log_tail as log_file
from krakencopy.supervisor.control.log_tail import lines
from krakencopy.supervisor.journal.interval import Interval

#: For what must happen on a busy machine, in seconds; nothing waits that long when it works.
LIMIT_S = 5


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tania.jsonl"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "POLL_S", 0.001)


def last(path: Path, count: int) -> list[str]:
    async def read() -> list[str]:
        return [line async for line in lines(path, count, follow=False)]

    return asyncio.run(read())


def add(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def rotate(path: Path) -> None:
    path.rename(path.with_suffix(".jsonl.1"))


def follow(path: Path, count: int, *scenes: tuple[Callable[[], object], list[str]]) -> None:
    """Each scene does something and then expects exactly these lines next."""

    async def read() -> None:
        async with asyncio.timeout(LIMIT_S), aclosing(_generator(lines(path, count, follow=True))) as found:
            for act, expected in scenes:
                act()
                assert [await anext(found) for _ in expected] == expected

    asyncio.run(read())


def _generator(found: AsyncIterator[str]) -> Any:
    return found


@pytest.mark.parametrize(
    ("count", "expected"), [(0, []), (1, ["three"]), (2, ["two", "three"]), (9, ["one", "two", "three"])]
)
def test_the_last_lines(path: Path, count: int, expected: list[str]) -> None:
    path.write_text("one\ntwo\nthree\n")
    assert last(path, count) == expected


def test_nobody_gets_more_than_so_many_lines(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "LINES_MAX", 2)
    path.write_text("one\ntwo\nthree\n")
    assert last(path, 3) == ["two", "three"]


def test_a_log_that_does_not_exist_or_is_empty_has_no_lines(path: Path) -> None:
    assert last(path, 5) == []
    path.touch()
    assert last(path, 5) == []


def test_a_line_that_is_still_being_written_is_no_line_yet(path: Path) -> None:
    path.write_text('{"at": 1}\n{"at"')
    assert last(path, 5) == ['{"at": 1}']


def test_what_is_no_text_is_shown_as_well_as_it_can_be(path: Path) -> None:
    path.write_bytes(b"\xff\xfe ok\n")
    assert last(path, 5) == ["\ufffd\ufffd ok"]


def test_of_a_long_log_only_the_end_is_read_and_never_half_a_line(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text("".join(f"line {n:03}\n" for n in range(100)))
    for room in range(9, 40):
        monkeypatch.setattr(log_file, "TAIL_BYTES_MAX", room)
        found = last(path, 100)
        assert found == [f"line {n:03}" for n in range(100 - len(found), 100)]
        assert len(found) == room // len("line 000\n")


def test_following_goes_on_after_the_last_lines_and_gives_a_line_when_it_is_whole(path: Path) -> None:
    path.write_text("one\ntwo\nthr")
    follow(
        path, 1,
        (lambda: None, ["two"]),
        (lambda: add(path, "ee\nfour\nfi"), ["three", "four"]),
        (lambda: add(path, "ve\n"), ["five"]),
    )  # fmt: skip


def test_a_log_may_come_into_being_while_it_is_followed(path: Path) -> None:
    follow(path, 5, (lambda: add(path, "one\n"), ["one"]), (lambda: add(path, "two\n"), ["two"]))


def test_who_follows_a_log_as_a_call_waits_for_its_turn_before_each_look(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = []

    async def take_turn() -> None:
        turns.append("a turn")
        add(path, "new\n")

    monkeypatch.setattr(log_file, "take_turn", take_turn)
    follow(path, 1, (lambda: None, ["new"]))
    assert turns


def test_following_no_last_lines_gives_new_ones_only(path: Path) -> None:
    path.write_text("old\n")

    async def read() -> None:
        async with asyncio.timeout(LIMIT_S), aclosing(_generator(lines(path, 0, follow=True))) as found:
            first = asyncio.ensure_future(anext(found))
            await asyncio.sleep(0)
            add(path, "new\n")
            assert await first == "new"

    asyncio.run(read())


def test_rotation_loses_nothing_not_even_what_was_written_just_before_it(path: Path) -> None:
    path.write_text("one\n")

    def rotation() -> None:
        add(path, "last of the old\n")
        rotate(path)
        add(path, "first of the new\n")

    follow(
        path, 1,
        (lambda: None, ["one"]),
        (rotation, ["last of the old", "first of the new"]),
        (lambda: add(path, "second\n"), ["second"]),
    )  # fmt: skip


def test_between_the_two_steps_of_a_rotation_there_is_no_file_and_that_is_no_end(path: Path) -> None:
    path.write_text("one\n")

    async def read() -> None:
        async with asyncio.timeout(LIMIT_S), aclosing(_generator(lines(path, 1, follow=True))) as found:
            assert await anext(found) == "one"
            rotate(path)
            coming = asyncio.ensure_future(anext(found))
            done, _ = await asyncio.wait([coming], timeout=0.05)
            assert not done
            add(path, "two\n")
            assert await coming == "two"

    asyncio.run(read())


def test_a_log_that_was_emptied_in_place_is_read_from_its_beginning(path: Path) -> None:
    path.write_text("one\ntwo\n")

    def empty() -> None:
        with path.open("w") as file:
            file.write("new\n")

    follow(path, 1, (lambda: None, ["two"]), (empty, ["new"]))


class GrowingFile(type(Path())):  # type: ignore[misc]  # the concrete class differs by platform
    """A log whose owner writes a line just before each time that it is read."""

    def open(self, *arguments: Any, **options: Any) -> IO[Any]:
        file = super().open(*arguments, **options)
        numbers = itertools.count(1)

        class Late:
            def __getattr__(self, name: str) -> Any:
                return getattr(file, name)

            def read(self, *size: int) -> bytes:
                add(Path(file.name), f"late {next(numbers)}\n")
                content: bytes = file.read(*size)
                return content

        return Late()  # type: ignore[return-value]  # as much of a file as is used


def test_a_line_that_is_written_while_the_end_is_read_is_given_once(path: Path) -> None:
    path.write_text("one\n")
    follow(GrowingFile(path), 9, (lambda: None, ["one", "late 1", "late 2", "late 3"]))


@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(st.tuples(st.booleans(), st.text("ab\n", max_size=12)), max_size=6),
    count=st.integers(1, 10),
)
def test_whatever_is_written_and_however_it_is_cut_each_line_comes_once(
    tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[bool, str]], count: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "x.jsonl"
    path.write_text("old\n" * 5)
    scenes: list[tuple[Callable[[], object], list[str]]] = [(lambda: None, ["old"] * min(count, 5))]
    begun = ""
    for rotated, text in [*texts, (False, "end\n")]:

        def act(text: str = text, rotated: bool = rotated and not begun) -> None:
            # A log is rotated between lines, never within one.
            if rotated:
                rotate(path)
            add(path, text)

        *found, begun = (begun + text).split("\n")
        scenes.append((act, found))
    follow(path, count, *scenes)


def entry(second: int) -> str:
    return json.dumps({"at": f"2026-11-28T05:00:{second:02}.500000+00:00", "message": f"line {second}"})


def within(path: Path, count: int, since: float | None, until: float | None) -> list[int]:
    """The seconds of lines from and to seconds after 05:00."""
    start = datetime(2026, 11, 28, 5, tzinfo=UTC).timestamp()
    limits = [None if limit is None else int((start + limit) * 1e9) for limit in (since, until)]

    async def read() -> list[str]:
        interval = Interval(*limits)
        return [line async for line in lines(path, count, follow=False, interval=interval)]

    return [int(json.loads(line)["message"].split()[1]) for line in asyncio.run(read())]


def test_lines_of_an_interval_are_read_from_older_files_as_well(path: Path) -> None:
    for second in range(30):
        if second in {10, 20}:
            if path.with_suffix(".jsonl.1").exists():
                path.with_suffix(".jsonl.1").rename(path.with_suffix(".jsonl.2"))
            rotate(path)
        add(path, entry(second) + "\n")
    assert within(path, 100, 5.5, None) == list(range(5, 30))
    assert within(path, 100, 5.6, 21.5) == list(range(6, 21))
    assert within(path, 3, None, 12.5) == [9, 10, 11]
    assert within(path, 100, 40, None) == []
    assert len(last(path, 100)) == 10
    os.utime(path.with_suffix(".jsonl.2"), (0, 0))
    assert within(path, 100, 5.5, None) == list(range(10, 30))


def test_a_line_without_a_time_goes_with_the_one_before_it(path: Path) -> None:
    path.write_text(f'lost\n{entry(1)}\nof 1\n{{"at": "never", "x": 1}}\n{entry(2)}\nof 2\n')

    async def read() -> list[str]:
        since = int(datetime(2026, 11, 28, 5, 0, 2, tzinfo=UTC).timestamp() * 1e9)
        found = [line async for line in lines(path, 9, follow=False, interval=Interval(None, since))]
        return found + [line async for line in lines(path, 9, follow=False, interval=Interval(since))]

    assert asyncio.run(read()) == [entry(1), "of 1", '{"at": "never", "x": 1}', entry(2), "of 2"]


@pytest.mark.parametrize("block", [1, 3, 7, 100])
def test_a_log_is_read_from_its_end_block_by_block(
    path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "BLOCK_BYTES", block)
    written = [f"line {number}" for number in range(100)]
    add(path, "".join(f"{line}\n" for line in written) + "cut")
    for count in (0, 1, 2, 50, 99, 100, 101):
        assert last(path, count) == written[100 - min(count, 100) :]
