"""The grammar of `simulate` and `forecast`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from krakencopy.client.cli.decimals import parse_amount

#: What an amount without a currency is.
CURRENCY = "USD"
#: A taker's fee, in percent of the cost, where a user has never paid one in a pair.
TAKER_PERCENT = Decimal("0.40")
TAKER_PERCENT_MAX = Decimal(10)

#: Fills by which is forecast when --fills is not given, and at most: the search replays them some 30 times.
FILLS, FILLS_MAX = 200, 10_000

Interval = Callable[[argparse.ArgumentParser, str], None]


def add_simulations(command: Any, add_interval: Interval) -> None:
    """Adds the commands."""
    simulate = command(
        "simulate", "what users would have copied by another configuration, against what they did; offline"
    )
    simulate.add_argument(
        "--config", required=True, metavar="FILE", help="the other configuration; it is checked as at a start"
    )
    simulate.add_argument(
        "--account", action="append", default=[], dest="accounts", metavar="ID",
        help="only this user; may be given more than once",
    )  # fmt: skip
    _add_assumptions(simulate)
    add_interval(simulate, "decisions")

    forecast = command(
        "forecast",
        "how much of what the master trades ID would copy by these settings and its balance of now; offline",
    )
    forecast.add_argument("id", metavar="ID", help="user")
    forecast.add_argument(
        "--config", required=True, metavar="FILE", help="the configuration; what is set while running holds"
    )
    forecast.add_argument(
        "--fills",
        type=_count,
        default=FILLS,
        metavar="N",
        help=f"by the last N fills of the master ({FILLS})",
    )
    _add_assumptions(forecast)
    add_interval(forecast, "fills")


def _add_assumptions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--capital", action="append", default=[], type=_capital, metavar="ID=AMOUNT",
        help=f'what a user begins with, such as anna=1000 (in {CURRENCY}) or "anna=1000 EUR", in the place '
        "of what it really had",
    )  # fmt: skip
    parser.add_argument(
        "--taker", type=_percent, default=TAKER_PERCENT, metavar="PERCENT",
        help=f"the fee in pairs in which a user never paid one ({TAKER_PERCENT})",
    )  # fmt: skip


def _capital(text: str) -> tuple[str, Decimal, str]:
    """The user, the amount and its currency."""
    account_id, is_given, money = text.partition("=")
    amount, _, asset = money.partition(" ")
    if not (account_id and is_given):
        raise argparse.ArgumentTypeError(f"{text!r} is no ID=AMOUNT, such as anna=1000")
    try:
        return account_id, parse_amount(amount), asset.strip().upper() or CURRENCY
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= FILLS_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 1 to {FILLS_MAX}")
    return int(text)


def _percent(text: str) -> Decimal:
    try:
        percent = Decimal(0) if text == "0" else parse_amount(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if percent > TAKER_PERCENT_MAX:
        raise argparse.ArgumentTypeError(f"{text} percent; at most {TAKER_PERCENT_MAX} are taken")
    return percent
