"""`krakencopy simulate` and `forecast`: the journal's fills by a configuration. Offline: they read the state
folder, also while a supervisor runs, write nothing, ask nobody and open no file of nonces.
"""

from __future__ import annotations

import logging
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from krakencopy.account_proc.contract.proto_time import seconds, timestamp
from krakencopy.client.cli.output import Output
from krakencopy.client.cli.state_folder import chosen_folder
from krakencopy.client.cli.stderr import complain
from krakencopy.client.sdk.errors import BadConfiguration, BadInput, ExitCode, NotFound, Refused
from krakencopy.client.views.simulation_page import forecast_page, simulation_page
from krakencopy.v1 import simulation_pb2 as pb

if TYPE_CHECKING:
    # What decides takes its time to import, which other commands need not spend.
    from krakencopy.account_proc.simulation.history import MasterHistory, UserHistory
    from krakencopy.account_proc.simulation.replay import Account, Interval
    from krakencopy.supervisor.config.model import AccountConfig, Config

HUNDRED = Decimal(100)


@contextmanager
def _without_logs() -> Iterator[None]:
    """What a process logs of its copies is none of a replay's business."""
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def simulate(arguments: Namespace, _connect: Callable[[], Any], out: Output) -> ExitCode:
    """`simulate --config FILE [--since] [--until] [--account ID]... [--capital ID=AMOUNT]...`."""
    from krakencopy.account_proc.simulation.history import HistoryUnreadable

    folder = chosen_folder(arguments)
    try:
        with _without_logs():
            found = _simulation(folder, arguments)
    except HistoryUnreadable as error:
        raise Refused(str(error), reason="STATE_UNREADABLE") from error
    out.one(found, simulation_page)
    return ExitCode.DONE


def _simulation(folder: Path, arguments: Namespace) -> pb.Simulation:
    from krakencopy.account_proc.simulation.history import master_history, pair_table, user_histories
    from krakencopy.account_proc.simulation.outcome import simulated_account, sum_of
    from krakencopy.account_proc.simulation.replay import Interval, replay
    from krakencopy.account_proc.simulation.replayed_user import CURRENCY

    master = master_history(folder)
    config = checked_config(Path(arguments.config), folder, master)
    histories = user_histories(folder, master.journal_id)
    users = _chosen(config, arguments.accounts)
    capital = {account_id: {asset: amount} for account_id, amount, asset in arguments.capital}
    if unknown := capital.keys() - {user.id for user in users}:
        raise NotFound(f"--capital: no such user in the simulation: {', '.join(sorted(unknown))}")
    accounts = [_account(user, histories.get(user.id), capital.get(user.id), master) for user in users]
    table = pair_table(pair for history in histories.values() for pair in history.pairs)
    interval = _interval(arguments, Interval)
    taker = arguments.taker / HUNDRED
    replayed = [replay(account, master, table, interval, taker) for account in accounts]
    result = pb.Simulation(
        until=timestamp(min(interval.until, time.time())), currency=CURRENCY, sum=sum_of(replayed),
        fills=sum(1 for fill in master.fills if interval.has(seconds(fill.executed_at))),
        accounts=[simulated_account(each) for each in replayed],
    )  # fmt: skip
    for user, account in zip(users, result.accounts, strict=True):
        account.assumptions.extend(_set_while_running(user, config))
    if config.total_limits:
        result.sum.assumptions.append("limits of all users together are neither kept to nor estimated")
    if arguments.since is not None:
        result.since.CopyFrom(timestamp(interval.since))
    return result


def _interval(arguments: Namespace, kind: type[Interval]) -> Interval:
    since = 0.0 if arguments.since is None else arguments.since.timestamp()
    # Decisions are of the exchange's clock, which may be ahead of this one.
    until = time.time() + HOUR_S if arguments.until is None else arguments.until.timestamp()
    return kind(since=since, until=until)


#: No clock that a process trades by is further ahead, in seconds.
HOUR_S = 3600.0


def checked_config(path: Path, folder: Path, master: MasterHistory) -> Config:
    """A configuration that could be started with; what operators have set while running holds in the place of
    what it says, as it would. Raises BadConfiguration.
    """
    from krakencopy.supervisor.config.checks import check_notionals, check_state_dir
    from krakencopy.supervisor.config.reader import ConfigFaults, load
    from krakencopy.supervisor.config.settings import hold

    traded = sorted({fill.pair for fill in master.fills})
    try:
        config = load(path)
        check_state_dir(config, folder)
        config = hold(config, master.settings, partial(check_notionals, traded=traded))
    except ConfigFaults as faults:
        *others, last = map(str, faults.faults)
        for fault in others:
            complain(fault)
        raise BadConfiguration(f"{last}; nothing was simulated") from faults
    return config


def _chosen(config: Config, ids: list[str]) -> list[AccountConfig]:
    users = {user.id: user for user in config.users}
    if unknown := [account_id for account_id in ids if account_id not in users]:
        there = ", ".join(users) or "none"
        raise NotFound(f"{config.source} has no user {', '.join(unknown)}; there are {there}")
    return [user for user in config.users if user.id in ids or not ids]


def _set_while_running(user: AccountConfig, config: Config) -> list[str]:
    """What of its rules an operator has set, and so no file changes."""
    words = {"": "all", user.id: user.id} | ({user.group: f"group {user.group}"} if user.group else {})
    return [
        f"{key} = {value} was set for {words[target]} while running, and holds in the place of the file's"
        for (target, key), value in sorted(config.written.settings.items())
        if target in words
    ]


def _account(
    user: AccountConfig, history: UserHistory | None, wallet: Mapping[str, Decimal] | None,
    master: MasterHistory,
) -> Account:  # fmt: skip
    from krakencopy.account_proc.simulation.replay import Account

    if wallet is None and (history is None or user.id not in master.joined):
        raise BadInput(
            f"what {user.id} would have had is not known, as it was not there: say it with --capital "
            f"{user.id}=AMOUNT, or leave it out with --account"
        )
    return Account(account_id=user.id, rules=user.copy, history=history, reserve=user.reserve, wallet=wallet)


def forecast(arguments: Namespace, _connect: Callable[[], Any], out: Output) -> ExitCode:
    """`forecast ID --config FILE [--since] [--until] [--fills N] [--capital ID=AMOUNT]`."""
    from krakencopy.account_proc.simulation.history import HistoryUnreadable

    folder = chosen_folder(arguments)
    try:
        with _without_logs():
            found = _forecast(folder, arguments)
    except HistoryUnreadable as error:
        raise Refused(str(error), reason="STATE_UNREADABLE") from error
    out.one(found, forecast_page)
    return ExitCode.DONE


def _forecast(folder: Path, arguments: Namespace) -> pb.Forecast:
    from krakencopy.account_proc.simulation.forecast import Forecaster, shares_of, worth_of
    from krakencopy.account_proc.simulation.history import master_history, pair_table, user_histories
    from krakencopy.account_proc.simulation.outcome import forecast_of
    from krakencopy.account_proc.simulation.replay import Account, Interval, paid_shares

    master = master_history(folder)
    config = checked_config(Path(arguments.config), folder, master)
    histories = user_histories(folder, master.journal_id)
    (user,) = _chosen(config, [arguments.id])
    capital = {account_id: {asset: amount} for account_id, amount, asset in arguments.capital}
    wallet = capital.get(user.id) or _wallet_of_now(user.id, histories.get(user.id), master)
    interval = _interval(arguments, Interval)
    fills = [fill for fill in master.fills if interval.has(seconds(fill.executed_at))][-arguments.fills :]
    if not fills:
        raise NotFound("the master has no fills in that time, by which anything could be forecast")
    history = histories.get(user.id)
    account = Account(
        account_id=user.id, rules=user.copy, history=None, reserve=user.reserve, wallet=wallet,
        paid={} if history is None else paid_shares(history.copies),
    )  # fmt: skip
    forecaster = Forecaster(
        account, replace(master, fills=tuple(fills)),
        pair_table(pair for history in histories.values() for pair in history.pairs), interval,
        arguments.taker / HUNDRED,
    )  # fmt: skip
    replayed = forecaster.forecast()
    worth, faithful = worth_of(fills), forecaster.smallest_balance()
    shares = shares_of(replayed.copies, worth)
    capped = {} if faithful is None else forecaster.still_capped(faithful)
    result = forecast_of(replayed, fills, wallet, shares, faithful, capped, worth)
    result.assumptions.extend(_set_while_running(user, config))
    return result


def _wallet_of_now(
    account_id: str, history: UserHistory | None, master: MasterHistory
) -> dict[str, Decimal]:  # fmt: skip
    """The balances that its ledger has, with what copying holds as the money that it was bought with."""
    from krakencopy.account_proc.simulation.history import uncopied

    if history is None or not history.balances:
        raise BadInput(
            f"what {account_id} has is not known, as it never ran here: say it with --capital "
            f"{account_id}=AMOUNT"
        )
    return uncopied(history, master)
