"""Each command has a manual page, which man shows without a warning."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from krakencopy.client.cli.arguments import grammar
from krakencopy.client.cli.parser import leaves_of
from tests.support.manual_pages import pages, roff, write

LIMIT_S = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("man")
    (folder / "krakencopy-gone.1").write_text("of a command that is gone")
    (folder / "other.1").write_text("of somebody else")
    assert write(folder) == len(pages())
    return folder


def test_each_command_and_each_program_has_a_page(folder: Path) -> None:
    words = (words.replace(" ", "-") for words, _ in leaves_of(grammar()))
    expected = {"krakencopy.1", "krakencopyd.1", *(f"krakencopy-{each}.1" for each in words)}
    assert {path.name for path in folder.iterdir()} == expected | {"other.1"}


def test_what_roff_would_read_is_text() -> None:
    assert roff("--limit") == "\\-\\-limit"
    assert roff(".TH 'x'") == "\\&.TH 'x'"
    assert roff("a\\b") == "a\\eb"


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff here")
def test_the_pages_have_no_warnings_and_show_what_they_say(folder: Path) -> None:
    written = sorted(folder.glob("krakencopy*.1"))
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-P-cbou", *map(str, written)],
        capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    for shown in ("krakencopy order buy BTC/USD 0.005 --limit 60000", "--state-dir DIR", "krakencopy-why(1)"):
        assert shown in done.stdout
