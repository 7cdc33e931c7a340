"""Which system a command is about, where several are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from krakencopy.client.cli.arguments import parse
from krakencopy.client.cli.contexts import Context, Contexts, change
from krakencopy.client.cli.target import apply_context, choose, path_of
from krakencopy.client.sdk.errors import BadInput

PROD = Context(
    "https://box:7443", ca="/k/ca.pem", certificate="/k/me.pem", key="/k/me.key", token_file="/k/t"
)
PAPER = Context("unix:/srv/paper/run/control.sock")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """With the contexts prod and paper, of which paper is the current one."""
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    change(path_of(environment), lambda _: Contexts({"prod": PROD, "paper": PAPER}, "paper"))
    return environment


@pytest.mark.parametrize(
    ("line", "more", "name", "why"),
    [
        ("status", {}, "paper", "the current context"),
        ("status", {"KRAKENCOPY_CONTEXT": "prod"}, "prod", "KRAKENCOPY_CONTEXT in the environment"),
        ("status --context prod", {}, "prod", "--context"),
        ("status --context prod", {"KRAKENCOPY_CONTEXT": "paper"}, "prod", "--context"),
        ("status --context prod", {"KRAKENCOPY_ENDPOINT": "unix:/x"}, "prod", "--context"),
        ("status", {"KRAKENCOPY_ENDPOINT": "unix:/x"}, "", "KRAKENCOPY_ENDPOINT in the environment"),
        (
            "status", {"KRAKENCOPY_ENDPOINT": "unix:/x", "KRAKENCOPY_CONTEXT": "prod"}, "",
            "KRAKENCOPY_ENDPOINT in the environment",
        ),
        ("status --endpoint unix:/y", {"KRAKENCOPY_CONTEXT": "prod"}, "", "--endpoint"),
        ("status --state-dir data", {"KRAKENCOPY_CONTEXT": "prod"}, "", "--state-dir"),
    ],
)  # fmt: skip
def test_the_line_comes_before_the_environment_and_that_before_the_file(
    environment: dict[str, str], line: str, more: dict[str, str], name: str, why: str
) -> None:
    choice = choose(parse(line.split()), environment | more)
    assert (choice.name, choice.why) == (name, why)


@pytest.mark.parametrize("kept", ["", "/proc/1/root/closed"])
def test_a_user_whose_home_is_none_or_closed_has_no_contexts(
    monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    def nowhere() -> Path:
        raise RuntimeError("no home")

    def closed(_path: Path) -> bool:
        raise PermissionError

    monkeypatch.setattr(Path, "home", nowhere)
    monkeypatch.setattr(Path, "exists", closed)
    environment = {"XDG_CONFIG_HOME": kept}
    assert choose(parse(["status"]), environment).why == "the default folders"
    if not kept:
        with pytest.raises(BadInput, match="this user has no home"):
            choose(parse(["status", "--context", "prod"]), environment)


def test_without_contexts_it_is_a_default_folder(tmp_path: Path) -> None:
    assert choose(parse(["status"]), {"XDG_CONFIG_HOME": str(tmp_path)}).why == "the default folders"


@pytest.mark.parametrize("option", ["--endpoint unix:/x", "--state-dir data"])
def test_two_systems_on_a_line_are_refused(environment: dict[str, str], option: str) -> None:
    with pytest.raises(BadInput, match="both say which system is meant"):
        choose(parse(f"status --context prod {option}".split()), environment)


@pytest.mark.parametrize("line", ["status --context nope", "status"])
def test_a_context_that_is_none_is_refused_by_name(environment: dict[str, str], line: str) -> None:
    with pytest.raises(BadInput, match="there is no context 'nope'; there are prod, paper"):
        choose(parse(line.split()), environment | {"KRAKENCOPY_CONTEXT": "nope"})


def test_a_context_says_where_it_is_and_how_one_is_known_there(environment: dict[str, str]) -> None:
    arguments = parse(["status", "--context", "prod"])
    apply_context(arguments, environment)
    apply_context(arguments, environment)  # as a wait that dials again
    assert (arguments.endpoint, arguments.context_name) == ("https://box:7443", "prod")
    assert (arguments.ca, arguments.certificate) == (Path("/k/ca.pem"), Path("/k/me.pem"))
    assert (arguments.key, arguments.token_file) == (Path("/k/me.key"), Path("/k/t"))


def test_what_the_line_says_of_it_holds(environment: dict[str, str]) -> None:
    line = "status --context prod --certificate c --key k --token-file t"
    arguments = parse(line.split())
    apply_context(arguments, environment)
    assert (arguments.certificate, arguments.key) == (Path("c"), Path("k"))
    assert (arguments.ca, arguments.token_file) == (Path("/k/ca.pem"), Path("t"))


def test_credentials_of_a_context_go_nowhere_else(environment: dict[str, str]) -> None:
    arguments = parse(["status", "--endpoint", "https://elsewhere:1"])
    apply_context(arguments, environment | {"KRAKENCOPY_CONTEXT": "prod"})
    assert (arguments.ca, arguments.certificate, arguments.token_file) == (None, None, None)
    assert arguments.context_name == ""


def test_the_file_is_where_the_user_keeps_such_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert path_of({"XDG_CONFIG_HOME": "/etc/mine"}) == Path("/etc/mine/krakencopy/contexts.toml")
    for environment in ({}, {"XDG_CONFIG_HOME": "relative"}):
        assert path_of(environment) == tmp_path / ".config/krakencopy/contexts.toml"
