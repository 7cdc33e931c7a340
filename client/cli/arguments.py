"""The command line's grammar: words in, a checked namespace out. Knows no commands' work, no gRPC, no
protobuf.

Errors are BadInput (argparse itself would exit with 2, which here means "no connection").
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Container
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn

from krakencopy.client.cli.access_arguments import NO_ACCESS, add_access, add_access_options
from krakencopy.client.cli.audit_arguments import add_audit
from krakencopy.client.cli.coin_arguments import add_rename, add_resync
from krakencopy.client.cli.completion_commands import add_completion, asked_words
from krakencopy.client.cli.config_arguments import add_config_commands, add_reload
from krakencopy.client.cli.consent import add_yes
from krakencopy.client.cli.context_arguments import NO_CONTEXT, add_context_commands, add_context_option
from krakencopy.client.cli.decimals import parse_amount, parse_seconds
from krakencopy.client.cli.fill_arguments import add_fill_commands
from krakencopy.client.cli.gateway_arguments import add_gateway
from krakencopy.client.cli.guide import add_guide, add_help
from krakencopy.client.cli.limit_arguments import add_limits
from krakencopy.client.cli.moments import parse_moment
from krakencopy.client.cli.output_arguments import DEFAULTS, add_output, check_output
from krakencopy.client.cli.parser import LeftOut, Parser
from krakencopy.client.cli.process_arguments import add_actions, add_system
from krakencopy.client.cli.simulation_arguments import add_simulations
from krakencopy.client.cli.trading_arguments import add_trading, check_target
from krakencopy.client.sdk.endpoint import DEFAULT_STATE_DIRS, ENDPOINT_VARIABLE
from krakencopy.client.sdk.errors import BadInput
from krakencopy.client.sdk.timeouts import CALL_TIMEOUT_S, WAIT_S

#: How many fills, copies or events are shown when --limit is not given.
LATEST = 20
#: Lines of a log that are shown when --lines is not given, and that the supervisor gives at most.
LOG_LINES, LOG_LINES_MAX = 100, 10_000

#: Characters of a reason (control.proto).
REASON_MAX = 200

_DESCRIPTION = "Ask a running krakencopyd, and tell it what to do."
_EPILOG = f"""\
The supervisor is found by --endpoint (unix:/path/control.sock, or https://host:port by TLS) or --context,
else by the environment variable {ENDPOINT_VARIABLE}, else in the state folder of --state-dir, else by the
current context, else in the default state folders; `krakencopy context show` says by which. The options above
may stand before or after the command.

Times of --since and --until: how long ago (90s, 30m, 2h, 7d, 1h30m), a time of today (05:00), a day
(2026-11-28, today, yesterday) or both (2026-11-28T05:00). They are of this machine's time zone, as times on
all pages are, unless they end with Z (UTC) or an offset (+01:00). --since is inclusive, --until is not.

With -o json, yaml and csv standard output holds only data: protobuf messages in proto field names. status,
report, why, order, reload, `accounts ID` and `orders ID` give one object; all that lists or follows gives one
object a line. As always in protobuf's JSON, 64-bit numbers (seq, revision, ...) are strings.

exit codes: 0 done, 1 refused by the server, 2 no connection, 3 bad input, 4 server fault, 5 not healthy or
timed out, 70 a defect of this command, 74 the result cannot be written, 78 bad configuration (reload,
simulate), 130 interrupted by Ctrl-C
"""


class _Version(argparse.Action):
    """`--version`; the installed package is looked up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_rest: object) -> NoReturn:
        from importlib.metadata import version  # takes milliseconds that other commands need not spend

        sys.stdout.write(f"krakencopy {version('krakencopy')}\n")
        parser.exit()


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line. Raises BadInput; SystemExit(0) after --help and --version."""
    for argument in argv:
        if any("\ud800" <= c <= "\udfff" for c in argument):  # how Python has bytes that are no text
            raise BadInput(f"{argument!a} is no text in UTF-8")
    given = asked_words(argv) or _read(argv)
    if given.command == "help":
        _read([*given.words, "--help"])
    common = (
        {
            "endpoint": None,
            "state_dir": None,
            "timeout": None,
        }
        | DEFAULTS
        | NO_ACCESS
        | NO_CONTEXT
    )
    arguments = argparse.Namespace(**(common | vars(given)))
    if arguments.timeout == 0 and arguments.command != "wait":
        raise BadInput("--timeout 0 leaves no time for an answer")
    if arguments.command == "accounts" and arguments.rules and arguments.id is None:
        raise BadInput("--rules: of which account? give its ID")
    check_output(arguments)
    if "offline" in arguments:
        check_target(arguments)
    if "since" in arguments:
        _check_interval(arguments)
    return arguments


def _check_interval(arguments: argparse.Namespace) -> None:
    since, until = arguments.since, arguments.until
    if since is not None and since > datetime.now(UTC):
        raise BadInput(f"--since: {since.astimezone().isoformat(sep=' ')} is still to come")
    if since is not None and until is not None and since >= until:
        raise BadInput("--since is not before --until; nothing can be between them")
    if until is not None and getattr(arguments, "follow", False):
        raise BadInput("--follow goes on without an end; leave out --until")


def _read(argv: list[str]) -> argparse.Namespace:
    try:
        return grammar(frozenset(argv)).parse_args(argv)
    except BadInput:
        return grammar().parse_args(argv)  # only all commands together know what may have been meant


def grammar(named: Container[str] | None = None) -> Parser:
    """All commands with their options, and what help says of them; with ``named`` only those are there."""
    parser = Parser(prog="krakencopy", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    _add_common(parser)
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, prog=parser.prog, help=argparse.SUPPRESS
    )

    def command(name: str, text: str) -> Any:
        parser.texts[name] = text
        if named is not None and name not in named:
            return LeftOut()
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        _add_common(sub)
        return sub

    status = command("status", "the whole system on one page")
    accounts = command("accounts", "all accounts, or one with its details")
    accounts.add_argument("id", nargs="?", metavar="ID")
    accounts.add_argument("--rules", action="store_true", help="only the rules that ID goes by")
    for sub in (status, accounts):
        sub.add_argument("--group", default="", metavar="GROUP", help="only accounts of this group")
    add_actions(command)
    _add_set(command)
    add_trading(command, _reason)
    add_limits(command, _reason)
    add_rename(command)
    add_resync(command, _reason)
    add_gateway(command)
    add_config_commands(command, _add_common)
    _add_lists(command)
    _add_order(command("order", "place an order on the master account; the users follow its fills"))
    _add_own_orders(command)
    add_fill_commands(command, _fill)
    command(
        "watch", "accounts, fills and copies as they change; one line for each change when not on a terminal"
    )
    nonce = command(
        "nonce", "the nonce of an account's API key: file, process, lock and exchange, with a verdict"
    )
    nonce.add_argument("id", metavar="ID", help="account")
    logs = command("logs", "the last lines of an account's log; with -o json as they stand in the file")
    logs.add_argument("id", metavar="ID", help='account, or "supervisor"')
    logs.add_argument(
        "-n",
        "--lines",
        type=_line_count,
        metavar="LINES",
        help=f"how many ({LOG_LINES}; with --since {LOG_LINES_MAX})",
    )
    logs.add_argument("-f", "--follow", action="store_true", help="go on with new lines")
    _add_interval(logs, "lines that were written")
    report = command("report", "what became of every fill at every user, counted")
    _add_interval(report, "fills that were executed")
    add_access(command, _add_common)
    add_audit(command, _add_common, _add_interval, _not_negative)
    add_simulations(command, _add_interval)
    add_reload(command)
    add_system(command)
    add_context_commands(command, _add_common)
    add_completion(command)
    add_help(command("help", "the help of a command"))
    add_guide(parser)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    """Options of every command, with no defaults: the command's own parser would overwrite what stood
    before the command.
    """
    nothing: Any = argparse.SUPPRESS
    group = parser.add_argument_group("connection and output")
    add_access_options(group)
    add_context_option(group)
    group.add_argument(
        "--state-dir",
        default=nothing,
        metavar="DIR",
        help=f"the supervisor's state folder (without it: {' or '.join(DEFAULT_STATE_DIRS)}, wherever one "
        "listens)",
    )
    group.add_argument(
        "--timeout",
        default=nothing,
        type=_seconds,
        metavar="S",
        help=f"seconds for each call ({CALL_TIMEOUT_S:g}); for waits the whole ({WAIT_S:g})",
    )
    add_output(group)


def _add_set(command: Any) -> None:
    sub = command(
        "set",
        "change rules of copying while running, in the place of the file's; without KEY show what is set",
    )
    sub.add_argument(
        "words", nargs="*", default=[], metavar="ID KEY=VALUE",
        help="account or group, then e.g. max_user_risk=0.05; KEY= takes it back",
    )  # fmt: skip
    sub.add_argument("--all", action="store_true", help="for all, in the place of [copy], instead of an ID")
    sub.add_argument(
        "--unset", action="append", default=[], metavar="KEY", help="let the file's value hold again"
    )
    sub.add_argument("--dry-run", action="store_true", help="only check it and show what would change")


def _add_lists(command: Any) -> None:
    fills = command("fills", f"fills of the master: the latest {LATEST}, oldest first")
    fills.add_argument(
        "--pair", default="", metavar="P", help="only this pair, in any spelling, e.g. BTC/USD or xbtusd"
    )
    fills.add_argument("--after", type=_not_negative, metavar="SEQ", help="all fills after this one")
    copies = command(
        "copies", f"what users made of fills: the {LATEST} that changed last, latest change last"
    )
    copies.add_argument("--account", default="", metavar="ID", help="only this user")
    copies.add_argument("--fill", type=_positive, default=0, metavar="SEQ", help="only copies of this fill")
    copies.add_argument(
        "--state", type=str.upper, default="", metavar="S", help="only this state, e.g. SKIPPED"
    )
    events = command("events", f"events: the latest {LATEST}, oldest first")
    events.add_argument("--account", default="", metavar="ID", help="only this account")
    for sub, what in (
        (fills, "fills that were executed"), (copies, "copies whose last hop was"), (events, "events"),
    ):  # fmt: skip
        _add_interval(sub, what)
        sub.add_argument("--limit", type=_not_negative, metavar="N", help="at most this many; 0 for all")
        sub.add_argument("--follow", action="store_true", help="go on with new ones")


def _add_interval(parser: argparse.ArgumentParser, what: str) -> None:
    """All that follows is of this part of time."""
    parser.add_argument(
        "--since", type=_moment, metavar="TIME", help=f"all {what} from then on, e.g. 2h or 05:00"
    )
    parser.add_argument("--until", type=_moment, metavar="TIME", help=f"only {what} before then")


def _add_order(order: argparse.ArgumentParser) -> None:
    order.add_argument("side", choices=("buy", "sell"))
    order.add_argument("pair", metavar="PAIR", help="in any spelling, e.g. BTC/USD, XBTUSD or btc-usd")
    order.add_argument("volume", type=_amount, metavar="VOLUME", help="in base, e.g. 0.005")
    order.add_argument(
        "--limit", type=_amount, metavar="PRICE", help="limit price in quote; a market order without"
    )
    order.add_argument(
        "--request-id",
        default="",
        metavar="ID",
        help="the same id always gives the same order; a new one by default",
    )
    order.add_argument(
        "--validate", action="store_true", help="only have the exchange check it; nothing is placed"
    )
    add_yes(order, "a market order on a live master")


def _add_own_orders(command: Any) -> None:
    orders = command("orders", "open orders of the master, of any origin; or one order, open or over")
    orders.add_argument("id", nargs="?", metavar="ID", help="order id, client order id or request id")
    orders.add_argument(
        "--account", default="", metavar="ID", help="of this account at Kraken instead of the master"
    )
    orders.add_argument("--limit", type=_not_negative, metavar="N", help="at most this many; all without")
    cancel = command("cancel", "cancel open orders of the master, of any origin")
    which = cancel.add_mutually_exclusive_group(required=True)
    which.add_argument("ids", nargs="*", default=[], metavar="ID", help="as for orders")
    which.add_argument("--all", action="store_true", help="all open orders, or those of --pair and --side")
    add_yes(cancel, "all are cancelled on a live master")
    for sub in (orders, cancel):
        sub.add_argument("--pair", type=str.upper, default="", metavar="P", help="only this pair")
        sub.add_argument("--side", choices=("buy", "sell"), help="only this side")


def _number(text: str, least: int) -> int:
    # int() would take "1_000" and " 7 " as well
    if not text.isascii() or not text.isdigit() or int(text) < least or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
    return int(text)


def _moment(text: str) -> datetime:
    try:
        return parse_moment(text, datetime.now(UTC))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _reason(text: str) -> str:
    if len(text) > REASON_MAX:
        raise argparse.ArgumentTypeError(f"it has {len(text)} characters; at most {REASON_MAX} are taken")
    return text


def _positive(text: str) -> int:
    return _number(text, 1)


def _line_count(text: str) -> int:
    count = _number(text, 1)
    if count > LOG_LINES_MAX:
        raise argparse.ArgumentTypeError(f"{text} are more lines than are given; at most {LOG_LINES_MAX}")
    return count


def _not_negative(text: str) -> int:
    return _number(text, 0)


def _seconds(text: str) -> float:
    try:
        return parse_seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _amount(text: str) -> Decimal:
    try:
        return parse_amount(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _fill(text: str) -> int | str:
    """A seq when it is a number; anything else is an execution id (Kraken's have letters and dashes)."""
    if not text:
        raise argparse.ArgumentTypeError("a fill is a seq number or an execution id")
    return _positive(text) if text.lstrip("-").isdigit() else text
