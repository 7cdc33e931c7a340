"""docs/situations.md says what the tests in tests/situations say."""

from __future__ import annotations

from tests.support.situations import PAGE, render


def test_the_page_of_situations_is_what_the_tests_say() -> None:
    assert PAGE.read_text() == render(), "write it anew: .venv/bin/python -m tests.support.situations"
