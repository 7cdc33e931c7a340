"""Commands about orders: place or only check one on the master, list, show and cancel. They are given what
those of client/cli/commands.py are.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from krakencopy.client.cli.consent import ask_if_live
from krakencopy.client.cli.output import Output, TableOutput
from krakencopy.client.cli.stderr import complain
from krakencopy.client.sdk.errors import (
    BadInput,
    ExitCode,
    NotConnected,
    Refused,
    ServerFault,
    TimedOut,
    Unavailable,
)
from krakencopy.client.views import order_pages as views
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

if TYPE_CHECKING:
    from krakencopy.client.sdk.message_client import MessageClient

Connect = Callable[[], "MessageClient"]


def order(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`order buy|sell PAIR VOLUME`. When nobody knows whether it was placed, the error says how to find
    out.
    """
    with connect() as supervisor:
        if arguments.limit is None and not arguments.validate and not arguments.yes:
            _ask_about_live(arguments, supervisor)
        try:
            placed = supervisor.place_order(
                arguments.side,
                arguments.pair,
                arguments.volume,
                limit_price=arguments.limit,
                validate=arguments.validate,
                request_id=arguments.request_id,
            )
        except NotConnected:
            raise
        except (Unavailable, TimedOut, ServerFault) as error:
            if arguments.validate:
                raise
            raise type(error)(
                f"{error.message}; the order may have been placed: give it again with --request-id "
                f"{error.request_id}, "
                "which never places a second one",
                reason=error.reason,
                request_id=error.request_id,
                metadata=error.metadata,
            ) from error
        out.one(placed, _checked_page if arguments.validate else _order_page)
    return ExitCode.DONE


def _ask_about_live(arguments: Namespace, supervisor: MessageClient) -> None:
    """Lets a market order on a live master go on only after a yes. Raises BadInput, Refused."""
    order = f"{arguments.side} {arguments.volume:f} {arguments.pair}"

    def shown(status: pb.GetStatusResponse | None) -> str:
        accounts = [] if status is None else status.accounts
        users = sum(account.role == nouns.ROLE_USER for account in accounts)
        who = f"{users} users follow" if status is not None else "all users follow"
        return f"{order} at whatever price the market has, on the master; {who} it."

    ask_if_live(
        arguments, supervisor, "nothing was placed", shown, "Place it?",
        needs=f"{order} at the market, on the live master, needs a yes; give it with --yes, or a price with "
        "--limit",
    )  # fmt: skip


def _order_page(placed: pb.PlaceOrderResponse) -> list[str]:
    return [
        f"placed on the master: {placed.description}",
        f"  order {placed.order_id}, cl_ord_id {placed.cl_ord_id}",
        f"  see it: krakencopy orders {placed.order_id}; end it: krakencopy cancel {placed.order_id}",
    ]


def _checked_page(checked: pb.PlaceOrderResponse) -> list[str]:
    return [f"the exchange would take it: {checked.description}", "  nothing was placed"]


def orders(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`orders [ID]`."""
    with connect() as supervisor:
        if arguments.id is not None:
            shown = supervisor.get_order(
                arguments.id, account_id=arguments.account, timeout_s=arguments.timeout
            )
            out.one(shown, views.order_page)
            return ExitCode.DONE
        found = list(
            supervisor.list_orders(
                account_id=arguments.account,
                pair=arguments.pair,
                side=arguments.side,
                limit=arguments.limit or None,
                timeout_s=arguments.timeout,
            )
        )
    _show(found, out, arguments)
    return ExitCode.DONE


def _show(found: list[nouns.Order], out: Output, arguments: Namespace) -> None:
    now_s = time.time()

    def row(order: nouns.Order) -> list[str]:
        return views.order_row(order, now_s)

    table = TableOutput(out, views.order_columns(), row, nouns.Order.DESCRIPTOR)
    if not found:
        about = " ".join(filter(None, (arguments.side, arguments.pair)))
        table.none(f"no open {about} orders" if about else "no open orders")
    elif out.as_data or out.columns or out.room is None or out.room >= views.TABLE_COLUMNS_MIN:
        table.show(found)
    else:
        out.lines(line for order in found for line in views.order_lines(order, now_s))


def cancel(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`cancel ID...|--all`. One order that cannot be cancelled does not keep the others from it."""
    if (arguments.pair or arguments.side) and not arguments.all:
        raise BadInput("--pair and --side choose among all open orders; give them with --all")
    with connect() as supervisor:
        if arguments.all:
            if not arguments.yes:
                of = " ".join(filter(None, (arguments.pair, arguments.side)))
                ask_if_live(
                    arguments, supervisor, "nothing was cancelled",
                    lambda _: f"all open {f'{of} ' if of else ''}orders of the master lose their place.",
                    "Cancel them?",
                )  # fmt: skip
            return _cancel_all(arguments, supervisor, out)
        code = ExitCode.DONE
        for order_id in arguments.ids:
            try:
                answer = supervisor.cancel_order(order_id, timeout_s=arguments.timeout)
                out.one(answer, views.cancelled_lines)
            except (Refused, ServerFault, TimedOut) as error:
                complain(str(error))
                code = max(code, error.exit_code)
    return code


def _cancel_all(arguments: Namespace, supervisor: MessageClient, out: Output) -> ExitCode:
    answer = supervisor.cancel_orders(pair=arguments.pair, side=arguments.side, timeout_s=arguments.timeout)
    out.one(answer, views.all_cancelled_lines)
    if left := views.left_line(answer):
        complain(left)
        return ExitCode.REFUSED
    return ExitCode.DONE
