"""An account's log: one JSON object a line, for the account's owner only, without secrets."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.runtime import json_log as account_log
from krakencopy.account_proc.runtime.json_log import FILES_KEPT, SECRETS_FEW, JsonFormatter, log_to
from krakencopy.supervisor.control import log_tail as log_file


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    umask = os.umask(0o077)  # as an account's process begins
    yield
    os.umask(umask)
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    for noisy in ("urllib3", "websockets", "asyncio", "grpc", "grpclib"):
        logging.getLogger(noisy).setLevel(logging.NOTSET)


def record(message: str, *args: object, error: BaseException | None = None) -> logging.LogRecord:
    exc_info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord(
        "krakencopy.account_proc.copying.copier", logging.WARNING, __file__, 1, message, args, exc_info
    )


def test_a_line_says_when_and_who_and_what() -> None:
    written = record("copy %s: %s", "c1", "half\nfilled")
    written.created = 1_795_336_500.25
    assert json.loads(JsonFormatter("tania").format(written)) == {
        "at": "2026-11-22T08:35:00.250000+00:00",
        "level": "WARNING",
        "logger": "krakencopy.account_proc.copying.copier",
        "account": "tania",
        "message": "copy c1: half\nfilled",
    }


@given(st.text(st.characters()))
def test_no_line_has_characters_that_a_terminal_would_act_on_or_no_file_takes(text: str) -> None:
    line = JsonFormatter("tania").format(record("%s", text))
    assert line.isprintable()
    line.encode()
    assert json.loads(line)["message"] == text


def test_what_can_be_shown_is_written_as_it_is_and_all_else_as_its_number() -> None:
    line = JsonFormatter("tania").format(record("zu wenig € \x1b[31m\x9b\u202e\ud800\U000e0001"))
    assert '"zu wenig € \\u001b[31m\\u009b\\u202e\\ud800\\udb40\\udc01"' in line


@given(st.text(), st.text(), st.text(min_size=8).filter(lambda secret: secret not in "[redacted]"))
def test_a_line_is_one_json_object_and_no_secret_is_in_it(before: str, after: str, secret: str) -> None:
    error = ValueError(f"{after}{secret}{before}")
    line = JsonFormatter("tania", [secret]).format(record("%s", before + secret + after, error=error))
    assert "\n" not in line
    entry = json.loads(line)
    assert secret not in entry["message"]
    assert secret not in entry["exception"]
    assert "[redacted]" in entry["message"]
    assert "[redacted]" in entry["exception"]


@given(
    st.lists(
        st.text(min_size=1, max_size=12), min_size=SECRETS_FEW + 1, max_size=SECRETS_FEW + 3, unique=True
    ),
    st.data(),
)
def test_of_many_secrets_none_is_ever_there(secrets: list[str], data: st.DataObject) -> None:
    secret = data.draw(st.sampled_from(secrets))
    text = data.draw(st.text(max_size=20)) + secret + data.draw(st.text(max_size=20))
    few = text
    for each in secrets:
        few = few.replace(each, "[redacted]")
    line = JsonFormatter("tania", secrets).format(record("%s", text))
    assert json.loads(line)["message"] == few


def test_a_secret_that_comes_late_and_is_shorter_than_the_others_is_redacted_too() -> None:
    lines = JsonFormatter("tania", [f"a long secret {number}" for number in range(SECRETS_FEW + 1)])
    lines.hide("abc")
    assert json.loads(lines.format(record("1 abc 2")))["message"] == "1 [redacted] 2"
    assert json.loads(lines.format(record("no such thing")))["message"] == "no such thing"


def test_no_secret_means_that_nothing_is_blotted_out() -> None:
    assert json.loads(JsonFormatter("tania", [""]).format(record("all of it")))["message"] == "all of it"


def test_all_logging_goes_to_a_file_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "tania.jsonl"
    log_to(path, "tania", ["very-secret"])
    logging.getLogger("krakencopy.account_proc.copying.copier").info("key very-secret at work")
    logging.getLogger("krakencopy.account_proc.copying.copier").debug("not of interest")
    logging.getLogger("urllib3").info("a connection")
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["message"] == "key [redacted] at work"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(("level", "lines"), [("DEBUG", 3), ("INFO", 2), ("WARNING", 1)])
def test_the_level_is_as_it_is_asked_for(tmp_path: Path, level: str, lines: int) -> None:
    path = tmp_path / "tania.jsonl"
    log_to(path, "tania", level=level)
    logger = logging.getLogger("krakencopy.account_proc.copying.copier")
    logger.debug("one")
    logger.info("two")
    logger.warning("three")
    assert len(path.read_text().splitlines()) == lines


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"another user's")
    (tmp_path / "user.jsonl").symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic links"):
        log_to(tmp_path / "user.jsonl", "tania_gilbert")
    assert elsewhere.read_bytes() == b"another user's"


def test_a_log_that_grows_takes_a_bounded_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_log, "FILE_BYTES_MAX", 2_000)
    path = tmp_path / "tania.jsonl"
    log_to(path, "tania")
    for number in range(200):
        logging.getLogger("account_proc").info("line %d", number)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 1 + FILES_KEPT
    assert all(file.stat().st_size <= 2_000 for file in files)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    assert json.loads(path.read_text().splitlines()[-1])["message"] == "line 199"


def test_whoever_follows_a_log_through_many_rotations_gets_every_line_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_log, "FILE_BYTES_MAX", 1_000)
    monkeypatch.setattr(log_file, "POLL_S", 0.001)
    path = tmp_path / "tania.jsonl"

    async def follow() -> None:
        async with asyncio.timeout(60):
            followed = log_file.lines(path, 0, follow=True)
            for number in range(100):
                coming = asyncio.ensure_future(anext(followed))
                await asyncio.sleep(0)
                logging.getLogger("account_proc").info("line %d", number)
                assert json.loads(await coming)["message"] == f"line {number}"

    log_to(path, "tania")
    logging.getLogger("account_proc").info("before anyone followed")
    asyncio.run(follow())
    assert len(list(tmp_path.iterdir())) == 1 + FILES_KEPT


def test_a_line_says_which_process_of_which_run_wrote_it_where_that_is_known(tmp_path: Path) -> None:
    path = tmp_path / "tania.jsonl"
    log_to(path, "tania", run=3, instance_id="ab12")
    logging.getLogger("account_proc").info("one")
    logging.getLogger().handlers[0].close()
    lines = log_to(path, "supervisor")
    logging.getLogger("supervisor").info("two")
    lines.run = 4
    logging.getLogger("supervisor").info("three")
    told = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line.get("run"), line.get("instance")) for line in told] == [
        (3, "ab12"),
        (None, None),
        (4, None),
    ]


def test_a_secret_that_comes_later_is_blotted_out_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "supervisor.jsonl"
    lines = log_to(path, "supervisor")
    for _ in range(2):
        lines.hide("very-secret", "")
        logging.getLogger("supervisor").info("key very-secret at work")
    assert path.read_text().count("key [redacted] at work") == 2


def test_a_stream_that_the_end_cut_off_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "tania.jsonl"
    log_to(path, "tania")
    for error in (asyncio.CancelledError(), OSError("disk full")):
        try:
            raise error
        except (asyncio.CancelledError, OSError):
            logging.getLogger("grpc").exception("unexpected")
    assert sys.exc_info() == (None, None, None)
    (line,) = path.read_text().splitlines()
    assert "disk full" in json.loads(line)["exception"]


def test_a_full_disk_costs_lines_and_stops_nobody_and_the_log_goes_on_with_room(tmp_path: Path) -> None:
    path = tmp_path / "anna.jsonl"
    log_to(path, "anna")
    writer = logging.getLogger("krakencopy.test")
    writer.info("before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50, hard))
    try:
        for number in range(1_000):
            writer.info("line %d", number)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    for _ in range(3):
        writer.info("after")
    lines = path.read_text().splitlines()
    assert json.loads(lines[0])["message"] == "before"
    assert [json.loads(line)["message"] for line in lines[-2:]] == ["after", "after"]
