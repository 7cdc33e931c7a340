"""Every command about orders, fills and copies, against the real thing, and in each form of output."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.operator_at_work import (
    LIMIT_S,
    USERS,
    Operator,
)
from tests.support.sdk_guide import programs
from tests.support.system import wait_for


@pytest.mark.parametrize("program", programs(), ids=lambda text: text.split("\n", 1)[0])
def test_the_programs_of_the_guide_to_the_sdk_work(
    operator: Operator, fill: dict[str, Any], program: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "data-paper").symlink_to(operator.state_dir)
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "docs/sdk.md", "exec"), {"__name__": "__main__"})  # noqa: S102 - our own page
    assert capsys.readouterr().out, fill


def test_an_order_is_filled_copied_and_explained(operator: Operator, fill: dict[str, Any]) -> None:
    seq = fill["seq"]
    assert (fill["side"], fill["pair"]) == ("SIDE_BUY", "BTC/USD")
    [header, row] = operator.done(f"fills --after {int(seq) - 1} --limit 1").splitlines()
    assert header.split()[:2] == ["FILL", "EXECUTED"]
    assert row.split()[0] == seq
    assert row.endswith(fill["exec_id"])
    rows = operator.done(f"copies --fill {seq}").splitlines()[1:]
    assert {line.split()[0] for line in rows} == USERS
    told = operator.done(f"why {seq}")
    assert told.startswith(f"Fill {seq}: the master bought {fill['volume']} BTC/USD at {fill['price']}")
    for copy in operator.objects(f"copies --fill {seq}"):
        state = copy["state"].removeprefix("COPY_STATE_")
        assert f"\n{copy['account_id']}: {state}\n" in told
        assert copy["detail"] in told
    hops = re.findall(r"^  (\S.*?) {2,}\d\d:\d\d:\d\d\.\d{3} +\+", told, re.MULTILINE)
    assert hops[:3] == [
        "executed (exchange's clock)",
        "master's process received it",
        "durable in the journal",
    ]
    assert "order sent" in hops
    assert operator.done(f"why {fill['exec_id']}") == told


def test_the_same_request_id_gives_the_same_order(operator: Operator) -> None:
    line = "order buy BTC/USD 0.001 --request-id typed-twice"
    assert operator.objects(line) == operator.objects(line)
    placed = operator.done(line).splitlines()
    assert placed[0] == "placed on the master: buy 0.00100000 XBTUSD @ market"
    assert re.fullmatch(r"  order \S+, cl_ord_id \S+", placed[1])


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("order buy FOO/BAR 1", 3, "pair 'FOO/BAR' is not listed at the exchange"),
        ("order buy BTC/USD 0.00000001", 3, "below the exchange's minimum"),
        ("order buy BTC/USD 0.0000000001", 3, "decimals"),
        ("order buy BTC/USD 10000", 1, "EOrder:Insufficient funds"),
        ("order sell BTC/USD 10000", 1, "EOrder:Insufficient funds"),
    ],
)
def test_an_order_that_can_not_be_says_why_in_one_line(
    operator: Operator, line: str, code: int, text: str
) -> None:
    said = operator.types(line)
    assert (said.code, said.out) == (code, "")
    assert said.err.count(text) == 1
    assert said.err.count("\n") == 1
    assert "may have been placed" not in said.err


@pytest.mark.parametrize("line", ["why 1000000", "why TNONE-NONE-NONE"])
def test_a_fill_that_does_not_exist_is_refused(operator: Operator, line: str) -> None:
    said = operator.types(line)
    assert (said.code, said.out) == (1, "")
    assert "(FILL_NOT_FOUND)" in said.err


def test_what_does_not_exist_yet_is_said_to_be_nothing(operator: Operator) -> None:
    assert operator.done("fills --pair FOO/BAR").startswith("no fills of FOO/BAR")
    assert operator.done("fills --after 1000000") == "no fills\n"
    assert operator.done("copies --fill 1000000") == "no such copies\n"


@pytest.mark.usefixtures("fill")
def test_the_report_counts_every_users_copies(operator: Operator) -> None:
    def answered() -> dict[str, Any] | None:  # the master goes on trading
        [report] = operator.objects("report")
        return report if report["unanswered"] == "0" else None

    report = wait_for("a report without unanswered fills", answered, LIMIT_S)
    assert {account["account_id"] for account in report["accounts"]} == USERS
    for account in report["accounts"]:
        counts = account["copies"]
        assert int(counts["capped"]) <= int(counts["sized_entries"])
        assert int(counts["filled"]) + int(counts["part_filled"]) > 0
    page = operator.done("report")
    assert re.match(r"\d+ fills in the journal, ", page)
    assert page.splitlines()[2].split()[:5] == ["ACCOUNT", "FILLS", "FILLED", "PART", "FILLED"]


@pytest.mark.usefixtures("fill")
@pytest.mark.parametrize(
    ("line", "objects"),
    [
        ("status", 1),
        ("accounts", 4),
        ("accounts master", 1),
        ("fills --limit 1", 1),
        ("copies --limit 3", 3),
        ("why 1", 1),
        ("events --limit 2", 2),
        ("logs supervisor -n 2", 2),
        ("report", 1),
        ("wait --ready", 1),
        ("start --all", 4),
    ],
)
def test_json_is_nothing_but_objects(operator: Operator, line: str, objects: int) -> None:
    assert len(operator.objects(line)) == objects


@pytest.mark.usefixtures("fill")
@pytest.mark.parametrize(
    ("line", "records"),
    [
        ("status", len(USERS) + 1),
        ("accounts", len(USERS) + 1),
        ("fills --limit 2", 2),
        ("copies --limit 3", 3),
        ("why 1", len(USERS)),
        ("events --limit 2", 2),
        ("report", len(USERS)),
    ],
)
def test_yaml_and_csv_have_what_json_has(operator: Operator, line: str, records: int) -> None:
    documents = yaml.safe_load_all(operator.done(f"{line} -o yaml"))
    assert [set(found) for found in documents] == [set(found) for found in operator.objects(line)]
    header, *found = csv.reader(io.StringIO(operator.done(f"{line} -o csv"), newline=""))
    assert {len(record) for record in found} == {len(header)}
    assert len(found) == records
