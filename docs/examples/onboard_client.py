"""Brings a new client in: checked, then as a shadow, then for real, and halted if anything is wrong.

    python onboard_client.py --credentials anna.key --fills 5 --go-live anna

1. The account is created as a shadow, `anna-shadow`, which decides and sends nothing. The supervisor says
   what that would change before it does it. That is over the API, or with `--config krakencopy.toml` in that
   file, where accounts are in the file. The key is in a file on the supervisor's machine and never passes
   here.
2. Its key and its money are looked at, and what it would have made of the next fills.
3. With `--go-live` the shadow is taken out again and `anna` copies for real. Its first copy is waited for.
   From then on whatever goes wrong halts the account, and leaves it so.

Without `--go-live` the shadow stays. A file that the supervisor does not take is put back as it was.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO, TypeVar

from krakencopy import (
    Account,
    AccountState,
    BadConfiguration,
    BadInput,
    ConditionStatus,
    Copy,
    CopyState,
    KrakenCopy,
    KrakenCopyError,
    NotFound,
    Refused,
)

T = TypeVar("T")

#: How often something is looked at that no watch shows, in seconds.
LOOK_S = 0.2
#: An account's process has started and checked its key within this, in seconds.
START_S = 60.0
ENDED = {CopyState.FILLED, CopyState.PART_FILLED, CopyState.REJECTED, CopyState.SKIPPED, CopyState.CARRIED}


class NotFit(Exception):
    """The client cannot be brought in, for the reason that it says."""


def say(line: str, file: TextIO = sys.stdout) -> None:
    """For whoever looks after it, at once."""
    print(line, file=file, flush=True)


def until(what: str, look: Callable[[], T | None], limit_s: float) -> T:
    """The first thing that is found. Raises NotFit."""
    ends = time.monotonic() + limit_s
    while (found := look()) is None:
        if time.monotonic() > ends:
            raise NotFit(f"{what} did not come within {limit_s:g} s")
        time.sleep(LOOK_S)
    return found


def block(account_id: str, credentials: str, *, shadow: bool) -> str:
    """An account's lines in the configuration."""
    mode = 'mode = "shadow"\n' if shadow else ""
    return (
        f'\n[[accounts]]\nid = "{account_id}"\nrole = "user"\nbroker = "kraken"\n'
        f'credentials_file = "{credentials}"\n{mode}'
    )


def reload(supervisor: KrakenCopy, config: Path, text: str) -> None:
    """Has the supervisor take the configuration; the file is as before where it does not. Raises NotFit."""
    before = config.read_text()
    config.write_text(text)
    try:
        for change in supervisor.reload(dry_run=True).accounts:
            say(f"  {change.account_id}: {change.kind.name.lower()}, {change.effect}")
        supervisor.reload()
    except (BadConfiguration, Refused) as error:
        config.write_text(before)
        raise NotFit(f"the configuration is not taken: {error}") from error


def create(supervisor: KrakenCopy, account_id: str, credentials: str, *, shadow: bool) -> None:
    """Creates the account over the API, once the supervisor says that it can be. Raises NotFit."""
    fields = {"credentials_file": credentials, "mode": "shadow" if shadow else "trade"}
    try:
        for change in supervisor.create_account(account_id, fields, validate_only=True).accounts:
            say(f"  {change.account_id}: {change.kind.name.lower()}, {change.effect}")
        supervisor.create_account(account_id, fields)
    except (BadInput, Refused) as error:
        raise NotFit(f"the account is not taken: {error}") from error


def running(supervisor: KrakenCopy, account_id: str) -> Account:
    """The account once its process runs, or its key was found to be lacking. Raises NotFit."""

    def look() -> Account | None:
        try:
            account = supervisor.get_account(account_id)
        except NotFound:
            return None
        if account.preflight is not None and account.preflight.missing_permissions:
            return account  # it would not run before its key may more
        if account.state is AccountState.FAILED:
            raise NotFit(f"{account_id} failed ({account.reason}): {account.message}")
        return account if account.state is AccountState.RUNNING and account.preflight else None

    return until(f"{account_id}'s process", look, START_S)


def check(account: Account) -> None:
    """What is known of its key and its money. Raises NotFit."""
    assert account.preflight is not None
    if missing := account.preflight.missing_permissions:
        raise NotFit(f"its key lacks {', '.join(missing)}")
    for condition in account.conditions:
        if condition.matters and condition.status is ConditionStatus.FALSE:
            raise NotFit(f"{condition.type} does not hold ({condition.reason}): {condition.message}")
    for warning in account.preflight.warnings:
        say(f"  to know: {warning}")
    if account.equity is not None:
        say(f"  equity {account.equity.amount} {account.equity.asset}")


def copies_of(supervisor: KrakenCopy, account_id: str, count: int, limit_s: float) -> list[Copy]:
    """Its first copies that have come to their end. Raises NotFit."""

    def look() -> list[Copy] | None:
        found = [copy for copy in supervisor.list_copies(account_id=account_id) if copy.state in ENDED]
        return found if len(found) >= count else None

    return until(f"{count} copies of {account_id}", look, limit_s)


def show(copies: list[Copy]) -> None:
    """One line each; the first one first."""
    for copy in reversed(copies):
        filled = "" if copy.filled_volume is None else f" {copy.filled_volume} at {copy.avg_price}"
        say(f"  {copy.side.name} {copy.pair}: {copy.state.name}{filled} ({copy.reason}) {copy.detail}")


def as_shadow(supervisor: KrakenCopy, given: argparse.Namespace) -> None:
    """Steps 1 and 2. Raises NotFit."""
    shadow = f"{given.account}-shadow"
    say(f"{shadow}: begins as a shadow")
    if given.config is None:
        create(supervisor, shadow, given.credentials, shadow=True)
    else:
        text = given.config.read_text() + block(shadow, given.credentials, shadow=True)
        reload(supervisor, given.config, text)
    check(running(supervisor, shadow))
    say(f"{shadow}: waits for {given.fills} copies, of which nothing is sent")
    copies = copies_of(supervisor, shadow, given.fills, given.limit)
    show(copies)
    if all(copy.state is CopyState.REJECTED for copy in copies):
        raise NotFit("every order of the shadow would have been rejected")


def go_live(supervisor: KrakenCopy, given: argparse.Namespace) -> None:
    """Step 3: from here on it is halted by whatever goes wrong. Raises NotFit."""
    say(f"{given.account}: copies for real")
    shadow = f"{given.account}-shadow"
    if given.config is None:
        supervisor.delete_account(shadow, on_leave="keep")
        create(supervisor, given.account, given.credentials, shadow=False)
    else:
        text = given.config.read_text().replace(block(shadow, given.credentials, shadow=True), "")
        reload(supervisor, given.config, text + block(given.account, given.credentials, shadow=False))
    try:
        check(running(supervisor, given.account))
        copies = copies_of(supervisor, given.account, 1, given.limit)
        show(copies)
        check_first(copies)
    except BaseException as error:
        halt(supervisor, given.account, str(error))
        raise


def check_first(copies: list[Copy]) -> None:
    """Raises NotFit where the exchange does not take its orders."""
    if any(copy.state is CopyState.REJECTED for copy in copies):
        raise NotFit("the exchange rejects its orders")


def halt(supervisor: KrakenCopy, account_id: str, why: str) -> None:
    """No order leaves from now on. It is asked again while nobody answers, within the time of a call."""
    try:
        halted = supervisor.set_trading_state("HALTED", account_ids=[account_id], reason=why[:200])
    except KrakenCopyError as error:
        say(f"{account_id} is NOT halted: {error}; see `krakencopy halt {account_id}`", file=sys.stderr)
        return
    for account in halted.accounts:
        say(f"{account.account_id}: {account.trading.state.name} {account.message}")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Bring a client in.")
    parser.add_argument("account", help="the client's id")
    parser.add_argument("--endpoint", default="unix:data/run/control.sock")
    parser.add_argument("--config", type=Path, help="write the account to this file, not over the API")
    parser.add_argument("--credentials", required=True, help="the file with its key, there")
    parser.add_argument("--fills", type=int, default=5, help="copies of the shadow to look at")
    parser.add_argument("--limit", type=float, default=86_400.0, help="how long to wait for them, in seconds")
    parser.add_argument("--go-live", action="store_true")
    given = parser.parse_args()
    with KrakenCopy(given.endpoint, timeout_s=30.0) as supervisor:
        try:
            as_shadow(supervisor, given)
            if given.go_live:
                go_live(supervisor, given)
        except NotFit as error:
            say(f"{given.account}: {error}", file=sys.stderr)
            return 1
    say(f"{given.account}: done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
