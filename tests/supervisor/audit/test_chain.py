"""Any change of a log is found, and the entry is named; what was only half written is not called a change."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.supervisor.audit.chain import (
    FINDINGS_MAX,
    NOTHING,
    Checker,
    Finding,
    Head,
    Kind,
    Why,
    read_line,
    sealed,
)


def log_of(calls: int, first: int = 1, previous: str = NOTHING, **more: str) -> list[bytes]:
    """The lines of a file with so many calls."""
    lines, last = [], previous
    for index in range(2 * calls + 1):
        fields = {"kind": Kind.FILE, **more} if index == 0 else {"kind": Kind.BEGAN, "who": f"ann {index} é"}
        line, last = sealed(first + index, last, fields)
        lines.append(line)
    return lines


LINES = log_of(4)
LOG = b"".join(LINES)
LAST = json.loads(LINES[-1])["hash"]


def found(log: bytes, head: Head | None = None, *, sought: str = "") -> list[Finding]:
    """What is wrong with a file of these bytes."""
    checker = Checker(head=head, sought=frozenset(filter(None, [sought])))
    checker.begin_file("audit.jsonl")
    *whole, rest = log.split(b"\n")
    for line in whole:
        checker.check(line)
    if rest:
        checker.note_half_line(len(rest))
    checker.note_empty()
    return checker.finish()


def whys(log: bytes, head: Head | None = None) -> list[tuple[Why, int]]:
    return [(each.why, each.number) for each in found(log, head)]


def test_a_stranger_checks_it_with_sha256_alone() -> None:
    previous = NOTHING
    for number, line in enumerate(LOG.decode("ascii").splitlines(), 1):
        body, _, seal = line.rpartition(',"hash":"')
        previous_of_line = body.split('"prev":"')[1][:64]
        assert body.startswith(f'{{"n":{number},"prev":"')
        assert previous_of_line == previous
        previous = sha256(body.encode()).hexdigest()
        assert seal == f'{previous}"}}'


def test_what_was_written_is_intact() -> None:
    assert found(LOG) == []
    assert found(LOG, Head(9, LAST, closed=True)) == []
    assert found(LOG, Head(4, json.loads(LINES[3])["hash"])) == []
    assert found(LOG, sought=json.loads(LINES[3])["hash"]) == []


@given(st.data())
def test_any_changed_byte_is_found(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(LOG) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda value: value != LOG[place]))
    changed = LOG[:place] + bytes([value]) + LOG[place + 1 :]
    assert found(changed)
    if value != ord("\n") != LOG[place]:
        entry = LOG[:place].count(b"\n") + 1
        assert f"entry {entry}" in found(changed)[0].message or f"line {entry}" in found(changed)[0].message


@given(st.integers(0, len(LOG) - 1), st.binary(min_size=0, max_size=3))
def test_any_removed_or_inserted_byte_is_found(place: int, added: bytes) -> None:
    assert found(LOG[:place] + LOG[place + 1 :])
    if added:
        assert found(LOG[:place] + added + LOG[place:])


@given(st.integers(0, len(LINES) - 2))
def test_any_removed_line_is_found_and_the_entry_is_named(place: int) -> None:
    (first, *_) = whys(b"".join(LINES[:place] + LINES[place + 1 :]))
    assert first == ((Why.MISSING, place + 1) if place else (Why.NO_BEGINNING, 2))


@given(st.lists(st.integers(0, len(LINES) - 1), min_size=2, max_size=2, unique=True))
def test_any_two_lines_that_are_swapped_are_found(places: list[int]) -> None:
    one, other = places
    lines = list(LINES)
    lines[one], lines[other] = lines[other], lines[one]
    assert found(b"".join(lines))


@given(st.integers(0, len(LINES) - 1), st.integers(0, len(LINES)))
def test_any_line_that_is_put_in_again_is_found(which: int, place: int) -> None:
    assert found(b"".join([*LINES[:place], LINES[which], *LINES[place:]]))


@given(st.integers(0, len(LINES) - 1))
def test_a_cut_end_is_found_by_what_is_known_of_it(kept: int) -> None:
    cut = b"".join(LINES[:kept])
    assert (Why.CUT, kept + 1) in whys(cut, Head(9, LAST))
    assert [each.why for each in found(cut, sought=LAST)][-1] is Why.CUT


def test_an_entry_that_is_made_anew_with_all_that_follow_is_found_by_what_is_known_of_it() -> None:
    forged = [*LINES[:5], *log_of(2, 6, json.loads(LINES[4])["hash"])[:4]]
    assert found(b"".join(forged)) == []
    assert whys(b"".join(forged), Head(9, LAST)) == [(Why.REPLACED, 9)]
    assert found(b"".join(forged), sought=LAST)[0].why is Why.CUT


def test_what_is_written_behind_a_closed_log_is_found() -> None:
    assert whys(LOG, Head(7, json.loads(LINES[6])["hash"], closed=True)) == [(Why.ADDED, 8)]


def test_a_changed_entry_is_one_finding_and_not_one_of_all_that_follow() -> None:
    assert whys(LOG.replace(b"ann 4", b"bob 4")) == [(Why.CHANGED, 5)]
    assert whys(b"".join([*LINES[:4], b"nonsense\n", *LINES[5:]])) == [
        (Why.UNREADABLE, 0),
        (Why.MISSING, 5),
    ]
    hash_of_5 = json.loads(LINES[4])["hash"].encode()
    swapped = hash_of_5[::-1]
    assert whys(b"".join([*LINES[:4], LINES[4].replace(hash_of_5, swapped), *LINES[5:]])) == [
        (Why.CHANGED, 5)
    ]


def test_an_entry_of_another_chain_is_not_linked() -> None:
    other = log_of(4, 1, NOTHING, journal="other")
    assert whys(b"".join([*LINES[:4], *other[4:]])) == [(Why.NOT_LINKED, 5)]


def test_half_a_line_is_no_change_and_is_said() -> None:
    assert whys(LOG[:-1]) == [(Why.HALF_WRITTEN, 0)]
    (finding,) = found(LOG[:-50])
    assert finding.message == (
        f"the last line, behind entry 8, is only half written ({len(LINES[-1]) - 50} bytes), as by a loss of "
        "power or in a copy of a log in use"
    )
    assert whys(LOG[:-50], Head(9, LAST)) == [(Why.HALF_WRITTEN, 0), (Why.CUT, 9)]


def test_a_file_that_is_empty_has_no_beginning() -> None:
    assert whys(b"") == [(Why.NO_BEGINNING, 0)]


def test_a_new_chain_names_what_was_broken() -> None:
    checker = Checker()
    for line in [*LINES[:4], *log_of(1, 20, NOTHING, broken="entry 5 is not what was written")]:
        if line.startswith(b'{"n":20,'):
            checker.begin_file("audit-20.jsonl")
        checker.check(line[:-1])
    (finding,) = checker.finish()
    assert (finding.why, finding.number, finding.file, finding.line) == (
        Why.NEW_CHAIN,
        20,
        "audit-20.jsonl",
        1,
    )
    assert "entry 5 is not what was written" in finding.message
    assert (checker.first, checker.number) == (1, 22)


def test_findings_are_bounded() -> None:
    assert len(found(b"x\n" * 100)) == FINDINGS_MAX


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[1]" + LINES[0][-76:-1], b'{"n":"1","prev":"' + LINES[0][-76:-1]]
)
def test_what_is_no_entry_is_none(line: bytes) -> None:
    assert read_line(line) is None


def test_a_head_is_kept_as_a_text() -> None:
    head = Head(9, LAST, closed=True)
    assert Head.of(head.to_text()) == head
    for text in ("", "[]", "{}", "x"):
        with pytest.raises(ValueError, match=r"no head|Expecting value|indices"):
            Head.of(text)
