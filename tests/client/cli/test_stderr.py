"""What is no result is one line on standard error."""

from __future__ import annotations

import pytest

from krakencopy.client.cli.stderr import complain


def test_a_complaint_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    complain("no account \x1b[31mred\u202e \ud800")
    assert capsys.readouterr().err == "krakencopy: no account  [31mred   \n"


def test_a_complaint_that_nobody_can_hear_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    complain("no account")


def test_a_complaint_is_one_line_with_the_commands_name(capsys: pytest.CaptureFixture[str]) -> None:
    complain("no account 'eve'\n  there are:\tbob")
    captured = capsys.readouterr()
    assert captured.err == "krakencopy: no account 'eve' there are: bob\n"
    assert captured.out == ""
