"""The grammar of `krakencopy audit`."""

from __future__ import annotations

import pytest

from krakencopy.client.cli.arguments import parse
from krakencopy.client.sdk.errors import BadInput


def test_options_stand_before_and_after_the_action() -> None:
    found = parse(["--state-dir", "data", "audit", "list", "-o", "json", "--who", "ann", "--since", "2h"])
    assert (found.command, found.action, found.output, found.who) == ("audit", "list", "json", "ann")
    assert (found.state_dir, found.limit, found.each_entry) == ("data", None, False)
    assert parse(["audit", "-o", "json", "watch", "--after", "7"]).output == "json"


def test_a_watch_goes_on_without_an_end_and_files_are_verified_in_their_order() -> None:
    watch = parse(["audit", "watch", "--after", "7", "--lines"])
    assert (watch.follow, watch.after, watch.lines) == (True, 7, True)
    verify = parse(["audit", "verify", "--file", "b", "--file", "a", "--head", f" {'AB' * 32} "])
    assert (verify.files, verify.head) == (["b", "a"], "ab" * 32)


@pytest.mark.parametrize(
    "words",
    [[], ["list", "--after", "3"], ["verify", "--head", "12"], ["watch", "--after", "-1"], ["list", "more"],
     ["list", "--since", "1h", "--until", "2h"]],
)  # fmt: skip
def test_what_is_none_is_refused(words: list[str]) -> None:
    with pytest.raises(BadInput):
        parse(["audit", *words])
