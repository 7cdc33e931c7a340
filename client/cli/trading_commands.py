"""Commands about what accounts may trade: halt, exit-only, resume, flatten. They are given what those of
client/cli/commands.py are. With --offline they go without a supervisor: client/cli/offline.py.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from krakencopy.client.cli.consent import ask_if_live, ask_to_go_on, status_if_any, system_words
from krakencopy.client.cli.output import Output, TableOutput
from krakencopy.client.cli.progress import progress
from krakencopy.client.cli.stderr import complain
from krakencopy.client.cli.wait import wait_limit_s, wait_until_settled
from krakencopy.client.sdk.errors import BadInput, ExitCode, Refused, TimedOut, Unavailable
from krakencopy.client.views import trading_pages as views
from krakencopy.client.views.rows import standing
from krakencopy.client.views.table import table
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

if TYPE_CHECKING:
    from krakencopy.client.sdk.calls.trading_calls import StateName
    from krakencopy.client.sdk.message_client import MessageClient

Connect = Callable[[], "MessageClient"]

STATES: dict[str, StateName] = {"halt": "HALTED", "exit-only": "REDUCING", "resume": "ACTIVE"}
NOTHING_HELD = "copying holds nothing there"


def set_state(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`halt|exit-only [ID...|--group G|--all]`. No question is asked: what stops must stop at once."""
    if arguments.offline:
        from krakencopy.client.cli import offline  # other commands need none of it

        return show(offline.set_state(arguments, STATES[arguments.command]), out)
    with connect() as supervisor:
        answer = _said(arguments, lambda: _ask_for_state(supervisor, arguments, arguments.ids))
    return show(answer, out)


def _ask_for_state(
    supervisor: MessageClient, arguments: Namespace, account_ids: Iterable[str]
) -> pb.SetTradingStateResponse:
    return supervisor.set_trading_state(
        STATES[arguments.command],
        account_ids=dict.fromkeys(account_ids),
        groups=dict.fromkeys(arguments.groups),
        everyone=arguments.all,
        reason=arguments.reason,
    )


def _said(arguments: Namespace, ask: Callable[[], pb.SetTradingStateResponse]) -> pb.SetTradingStateResponse:
    """Where nobody answers, what can be done without the supervisor is said."""
    try:
        return ask()
    except (Unavailable, TimedOut) as error:
        raise type(error)(
            f"{error.message}; `krakencopy {arguments.command} ... --offline` does it without the supervisor",
            reason=error.reason,
            request_id=error.request_id,
        ) from error


def resume(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`resume [ID...|--group G|--all]`: lifts what was said for them, and their pause. With --all what was
    said for all and for each account.
    """
    if arguments.offline:
        from krakencopy.client.cli import offline  # other commands need none of it

        return show(offline.set_state(arguments, STATES["resume"]), out)
    code = ExitCode.DONE
    with connect() as supervisor:
        if arguments.all and not arguments.yes:
            ask_if_live(
                arguments, supervisor, "nothing was lifted",
                lambda _: "all accounts may trade again, whatever was said for one of them.", "Resume all?",
            )  # fmt: skip
        before = {account.id: account for account in supervisor.list_accounts()}
        ids = arguments.ids
        if arguments.all:
            ids = [one.id for one in before.values() if _own(one)]
        answer = _said(arguments, lambda: _ask_for_state(supervisor, arguments, ids))
        for one in answer.accounts:
            account = before.get(one.account_id, nouns.Account())
            lifted = _lifted(account, one.trading)
            if account.copy_mode == nouns.COPY_MODE_PAUSED:
                try:
                    supervisor.resume_account(one.account_id)
                    lifted.append("its pause: first what has waited is copied")
                except Refused as error:
                    complain(str(error))
                    code = ExitCode.REFUSED
            words = f"lifted: {'; '.join(lifted)}" if lifted else "nothing was to be lifted"
            one.message = "; ".join(filter(None, (words, one.message)))
    return max(show(answer, out), code)


def _own(account: nouns.Account) -> bool:
    """Whether something was said for the account by its own id."""
    return any(each.scope == f"account:{account.id}" for each in account.trading.settings)


def _lifted(account: nouns.Account, now: nouns.TradingStatus) -> list[str]:
    """Settings that hold no more; where a limit has one in their place, it is not the same."""
    held = list(map(_identity, now.settings))
    return [views.setting_words(each) for each in account.trading.settings if _identity(each) not in held]


def _identity(setting: nouns.TradingStateSetting) -> tuple[str, str, int]:
    return setting.scope, setting.by, setting.at.ToNanoseconds()


def show(answer: pb.SetTradingStateResponse, out: Output) -> ExitCode:
    """Each account with whether it keeps to it; 5 where one does not."""
    if out.as_data:
        out.one(answer, lambda _: [])
    else:
        _show_accounts(answer.accounts, out)
    return _code(answer.accounts)


def _show_accounts(accounts: Iterable[pb.TradingAcknowledgement], out: Output) -> None:
    accounts_table = TableOutput(
        out, views.acknowledgement_columns(), views.acknowledgement_row, pb.TradingAcknowledgement.DESCRIPTOR
    )
    accounts = list(accounts)
    accounts_table.show(accounts)
    if not accounts:
        accounts_table.none("no account that is there is concerned")


def _code(accounts: Iterable[pb.TradingAcknowledgement]) -> ExitCode:
    if late := views.not_acknowledged(accounts):
        complain(f"NOT ACKNOWLEDGED by {', '.join(late)}: orders may leave there until they are")
        return ExitCode.NOT_IN_TIME
    return ExitCode.DONE


def flatten(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`flatten [ID...|--group G|--all] [--dry-run|--cancel] [--yes] [--wait]`."""
    if arguments.cancel and arguments.dry_run:
        raise BadInput("--cancel sells nothing; leave out --dry-run")
    if arguments.wait and (arguments.cancel or arguments.dry_run or arguments.offline):
        raise BadInput("--wait waits until it is sold, which a supervisor says; leave out the others")
    if arguments.offline:
        from krakencopy.client.cli import offline  # other commands need none of it

        if arguments.cancel:
            return show(offline.take_back_flatten(arguments), out)
        if not arguments.dry_run and not arguments.yes:
            _ask_to_sell(
                lambda: offline.flatten(arguments, dry_run=True), lambda: "by the state folder alone"
            )
        return _show_flatten(offline.flatten(arguments, dry_run=arguments.dry_run), out)
    with connect() as supervisor:

        def ask(*, dry_run: bool) -> pb.FlattenAccountsResponse:
            return supervisor.flatten_accounts(
                account_ids=dict.fromkeys(arguments.ids),
                groups=dict.fromkeys(arguments.groups),
                everyone=arguments.all,
                reason=arguments.reason,
                dry_run=dry_run,
                cancel=arguments.cancel,
            )

        if arguments.cancel:
            return show(pb.SetTradingStateResponse(accounts=ask(dry_run=False).accounts), out)
        if not arguments.dry_run and not arguments.yes:
            _ask_to_sell(
                lambda: ask(dry_run=True),
                lambda: system_words(arguments, supervisor, status_if_any(supervisor)),
            )
        with progress(
            "flatten: waiting for accounts to say what they sell",
            "accounts that have got it go on selling; `krakencopy flatten ID --cancel` takes it back",
        ):
            answer = ask(dry_run=arguments.dry_run)
        code = _show_flatten(answer, out)
        if arguments.wait:
            _wait_for_sales(arguments, supervisor, answer, out)
    return code


def _wait_for_sales(
    arguments: Namespace, supervisor: MessageClient, answer: pb.FlattenAccountsResponse, out: Output
) -> None:
    """Until all has been sold that this flatten, or a later one, is to sell. Raises TimedOut."""
    asked = {
        one.account_id: nouns.Account(id=one.account_id, trading=one.trading)
        for one in answer.accounts
        if one.trading.HasField("flatten")
    }

    def is_sold(before: nouns.Account, account: nouns.Account) -> bool:
        now = account.trading.flatten
        return now.number >= before.trading.flatten.number and now.state == nouns.FLATTEN_STATE_DONE

    with progress(
        f"flatten: waiting for {', '.join(asked)} to sell",
        "accounts go on selling; `krakencopy flatten ID --cancel` takes back what is not sold yet",
    ) as say:
        wait_until_settled(
            lambda limit_s: supervisor.get_status(timeout_s=limit_s), asked, is_sold,
            wait_limit_s(arguments), lambda left: say(f"flatten: {left}"), _selling,
        )  # fmt: skip
    if not out.as_data:
        out.lines([f"sold: {', '.join(asked) or 'nothing was to be sold'}"])


def _selling(account: nouns.Account) -> str:
    """How far it has come; of one without a process where it stands."""
    return views.still_flattening(account) or standing(account)


def _ask_to_sell(ask: Callable[[], pb.FlattenAccountsResponse], where: Callable[[], str]) -> None:
    """Goes on only after a yes. Raises BadInput, Refused."""

    def plan() -> list[str]:
        rows = [views.position_row(each) for each in ask().positions]
        return [f"{where()}:", *(table(views.position_columns(), rows) if rows else [NOTHING_HELD])]

    ask_to_go_on("nothing was sold", plan, "Sell this, at the market, and buy nothing from then on?")


def _show_flatten(answer: pb.FlattenAccountsResponse, out: Output) -> ExitCode:
    if out.as_data:
        out.one(answer, lambda _: [])
        return _code(answer.accounts)
    positions = TableOutput(out, views.position_columns(), views.position_row, pb.FlattenPosition.DESCRIPTOR)
    positions.show(answer.positions)
    if not answer.positions:
        positions.none(NOTHING_HELD)
    if answer.accounts:
        out.lines([""])
        _show_accounts(answer.accounts, out)
    return _code(answer.accounts)
