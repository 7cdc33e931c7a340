"""How one account's process ends: a code for what goes wrong on purpose, an exception for what does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path

import pytest

from krakencopy.account_proc import main
from krakencopy.account_proc.contract.errors import CredentialsFault, ExitCode
from krakencopy.account_proc.contract.spec import AccountSpec, CopyRules, Credentials, Role

SPEC = AccountSpec(
    id="anna", role=Role.USER, broker="kraken", epoch=1, instance_id="i", rest_url="u", ws_url="w",
    nonce_path=Path("n"), socket_path=Path("s"), ledger_path=Path("l"), log_path=Path("o"),
    key_lock_dir=Path("k"), states_path=Path("t"), copy=CopyRules(),
)  # fmt: skip
KEY = Credentials("the-key", "the-secret")

Work = Callable[[], Coroutine[None, None, ExitCode]]


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Callable[[ExitCode | Exception], list[str]]:
    """Lets the process of each kind end so; the kinds that were run."""
    made: list[str] = []

    def let(end: ExitCode | Exception) -> list[str]:
        def process(name: str) -> type:
            class Process:
                def __init__(self, spec: AccountSpec, credentials: Credentials) -> None:
                    assert (spec.id, credentials) == ("anna", KEY)
                    made.append(name)

                async def run(self, ready_fd: int, lifeline_fd: int) -> ExitCode:
                    assert (ready_fd, lifeline_fd) == (3, 4)
                    if isinstance(end, Exception):
                        raise end
                    return end

            return Process

        for name in ("KrakenProcess", "CcxtProcess"):
            monkeypatch.setattr(main, name, process(name))
        monkeypatch.setattr(main, "log_to", lambda *_, **__: None)
        monkeypatch.setattr(main, "run_with", lambda _pulse_fd, work: asyncio.run(_run(work)))
        return made

    async def _run(work: Work) -> ExitCode:
        return await work()

    return let


@pytest.mark.parametrize(("broker", "kind"), [("kraken", "KrakenProcess"), ("ccxt:coinbase", "CcxtProcess")])
def test_an_account_is_run_by_the_process_of_its_broker(
    ends: Callable[[ExitCode | Exception], list[str]], broker: str, kind: str
) -> None:
    made = ends(ExitCode.OK)
    assert main.run_account(replace(SPEC, broker=broker), KEY, 3, 4, 5) == ExitCode.OK
    assert made == [kind]


def test_what_goes_wrong_on_purpose_is_a_code_and_one_line_without_the_key(
    ends: Callable[[ExitCode | Exception], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    ends(CredentialsFault("the exchange does not know the-key"))
    assert main.run_account(SPEC, KEY, 3, 4, 5) == ExitCode.CREDENTIALS
    assert capsys.readouterr().err == "BAD_CREDENTIALS: the exchange does not know [redacted]\n"


def test_a_crash_is_logged_and_goes_on_to_whoever_reports_it(
    ends: Callable[[ExitCode | Exception], list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    ends(RuntimeError("nobody expected this"))
    with pytest.raises(RuntimeError):
        main.run_account(SPEC, KEY, 3, 4, 5)
    assert "the process crashed" in caplog.text
