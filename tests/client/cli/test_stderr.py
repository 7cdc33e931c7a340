"""What is no result is one line on standard error."""

from __future__ import annotations

import pytest

from krakencopy.client.cli.stderr import complain


def test_a_complaint_is_one_line_with_the_commands_name(capsys: pytest.CaptureFixture[str]) -> None:
    complain("no account 'eve'\n  there are:\tbob")
    captured = capsys.readouterr()
    assert captured.err == "krakencopy: no account 'eve' there are: bob\n"
    assert captured.out == ""
