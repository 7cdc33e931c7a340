"""`krakencopy simulate` and `forecast`: the journal's fills by a configuration. Offline: they read the state
folder, also while a supervisor runs, write nothing, ask nobody and open no file of nonces.
"""

from __future__ import annotations

import logging
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.client.cli.output import Output
from krakencopy.client.cli.progress import progress
from krakencopy.client.cli.state_folder import chosen_folder
from krakencopy.client.cli.stderr import complain
from krakencopy.client.sdk.errors import BadConfiguration, BadInput, ExitCode, NotFound, Refused
from krakencopy.client.views.simulation_page import forecast_page, simulation_page
from krakencopy.v1 import simulation_pb2 as pb

if TYPE_CHECKING:
    # What decides takes its time to import, which other commands need not spend.
    from krakencopy.account_proc.simulation.history import MasterHistory, UserHistory
    from krakencopy.account_proc.simulation.replay import Account, Interval, Past
    from krakencopy.supervisor.config.model import AccountConfig, Config

HUNDRED = Decimal(100)
#: After Ctrl-C.
_NOTHING = "nothing goes on, and nothing was written"


@contextmanager
def _looking_back() -> Iterator[None]:
    """What a process logs of its copies is none of a replay's business. Raises Refused for a state folder
    that cannot be read.
    """
    from krakencopy.account_proc.simulation.history import HistoryUnreadable

    logging.disable(logging.ERROR)
    try:
        yield
    except HistoryUnreadable as error:
        raise Refused(str(error), reason="STATE_UNREADABLE") from error
    finally:
        logging.disable(logging.NOTSET)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a simulation and a forecast go by: the state folder, and the configuration that is tried."""

    folder: Path
    past: Past
    config: Config
    users: list[AccountConfig]
    #: What users begin with where what they had does not count, by asset.
    capital: Mapping[str, Mapping[str, Decimal]]

    @classmethod
    def of(cls, arguments: Namespace, ids: list[str]) -> _Asked:
        """``ids``: the users that are asked for, all without one. Raises KrakenCopyError."""
        from krakencopy.account_proc.simulation.history import known_pairs, master_history
        from krakencopy.account_proc.simulation.replay import Past

        folder = chosen_folder(arguments)
        master = master_history(folder)
        config = checked_config(Path(arguments.config), folder, master)
        past = Past(
            master=master, table=known_pairs(folder, master.journal_id), interval=_interval(arguments),
            taker=arguments.taker / HUNDRED,
        )  # fmt: skip
        users = _chosen(config, ids)
        capital = {account_id: {asset: amount} for account_id, amount, asset in arguments.capital}
        if unknown := capital.keys() - {user.id for user in users}:
            raise NotFound(f"--capital: {', '.join(sorted(unknown))} is none of the users that are asked for")
        return cls(folder=folder, past=past, config=config, users=users, capital=capital)

    def history(self, user: AccountConfig) -> UserHistory | None:
        """What a user really did; None where it never was there."""
        from krakencopy.account_proc.simulation.history import ledger_path, user_history

        return user_history(ledger_path(self.folder, user.id), self.past.master.journal_id)


def simulate(arguments: Namespace, _connect: Callable[[], Any], out: Output) -> ExitCode:
    """`simulate --config FILE [--since] [--until] [--account ID]... [--capital ID=AMOUNT]...`."""
    with progress("simulate: deciding every fill again", _NOTHING):
        found = _simulation(arguments)
    out.one(found, simulation_page)
    return ExitCode.DONE


@_looking_back()
def _simulation(arguments: Namespace) -> pb.Simulation:
    """User by user: of each its sums are kept, and no more."""
    from krakencopy.account_proc.simulation.outcome import Outcomes
    from krakencopy.account_proc.simulation.replay import replay
    from krakencopy.account_proc.simulation.replayed_user import CURRENCY

    asked = _Asked.of(arguments, arguments.accounts)
    past = asked.past
    for user in asked.users:
        _check_known(asked, user)
    outcomes = Outcomes()
    for user in asked.users:
        replayed = replay(_account(asked, user), past)
        outcomes.add(replayed).assumptions.extend(_set_while_running(user, asked.config))
    result = pb.Simulation(
        until=timestamp(min(past.interval.until, time.time())), currency=CURRENCY, sum=outcomes.sum(),
        fills=len(past.fills), accounts=outcomes.accounts,
    )  # fmt: skip
    if asked.config.total_limits:
        result.sum.assumptions.append("limits of all users together are neither kept to nor estimated")
    if arguments.since is not None:
        result.since.CopyFrom(timestamp(past.interval.since))
    return result


def _interval(arguments: Namespace) -> Interval:
    from krakencopy.account_proc.simulation.replay import Interval

    since = 0.0 if arguments.since is None else arguments.since.timestamp()
    # Decisions are of the exchange's clock, which may be ahead of this one.
    until = time.time() + HOUR_S if arguments.until is None else arguments.until.timestamp()
    return Interval(since=since, until=until)


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
    if not users:
        raise NotFound(f"{config.source} has no users, whose copies could be simulated")
    if unknown := [account_id for account_id in ids if account_id not in users]:
        raise NotFound(f"{config.source} has no user {', '.join(unknown)}; there are {', '.join(users)}")
    return [user for user in config.users if user.id in ids or not ids]


def _set_while_running(user: AccountConfig, config: Config) -> list[str]:
    """What of its rules an operator has set, and so no file changes."""
    words = {"": "all", user.id: user.id} | ({user.group: f"group {user.group}"} if user.group else {})
    return [
        f"{key} = {value} was set for {words[target]} while running, and holds in the place of the file's"
        for (target, key), value in sorted(config.written.settings.items())
        if target in words
    ]


def _check_known(asked: _Asked, user: AccountConfig) -> None:
    """Raises BadInput where it is not known what the user would have had."""
    from krakencopy.account_proc.simulation.history import ledger_path

    was_there = user.id in asked.past.master.joined and ledger_path(asked.folder, user.id).exists()
    if user.id not in asked.capital and not was_there:
        raise BadInput(
            f"what {user.id} would have had is not known, as it was not there: say it with --capital "
            f"{user.id}=AMOUNT, or leave it out with --account"
        )


def _account(asked: _Asked, user: AccountConfig) -> Account:
    from krakencopy.account_proc.simulation.replay import Account

    return Account(
        account_id=user.id, rules=user.copy, history=asked.history(user), reserve=user.reserve,
        wallet=asked.capital.get(user.id),
    )  # fmt: skip


def forecast(arguments: Namespace, _connect: Callable[[], Any], out: Output) -> ExitCode:
    """`forecast ID --config FILE [--since] [--until] [--fills N] [--capital ID=AMOUNT]`."""
    with progress("forecast: deciding the last fills again", _NOTHING):
        found = _forecast(arguments)
    out.one(found, forecast_page)
    return ExitCode.DONE


@_looking_back()
def _forecast(arguments: Namespace) -> pb.Forecast:
    from krakencopy.account_proc.simulation.forecast import Forecaster, shares_of, worth_of
    from krakencopy.account_proc.simulation.outcome import forecast_of
    from krakencopy.account_proc.simulation.replay import Account, paid_shares

    asked = _Asked.of(arguments, [arguments.id])
    past, (user,) = asked.past, asked.users
    history = asked.history(user)
    wallet = asked.capital.get(user.id) or _wallet_of_now(user.id, history, past.master)
    fills = past.fills[-arguments.fills :]
    if not fills:
        raise NotFound("the master has no fills in that time, by which anything could be forecast")
    account = Account(
        account_id=user.id, rules=user.copy, history=None, reserve=user.reserve, wallet=wallet,
        paid={} if history is None else paid_shares(history.copies),
    )  # fmt: skip
    of_fills = replace(past, master=replace(past.master, fills=tuple(fills)))
    forecaster = Forecaster(account, of_fills)
    replayed = forecaster.forecast()
    worth, faithful = worth_of(fills), forecaster.smallest_balance()
    shares = shares_of(replayed.copies, worth)
    capped = {} if faithful is None else forecaster.still_capped(faithful)
    result = forecast_of(replayed, fills, wallet, shares, faithful, capped, worth)
    result.assumptions.extend(_set_while_running(user, asked.config))
    return result


def _wallet_of_now(
    account_id: str, history: UserHistory | None, master: MasterHistory
) -> dict[str, Decimal]:  # fmt: skip
    """The balances that its ledger has, with what copying holds as the money that it was bought with."""
    from krakencopy.account_proc.simulation.history import uncopied

    if history is None or not history.balances:
        raise BadInput(
            f"what {account_id} has is not known, as no balances are kept in its ledger, or there is none: "
            f"say it with --capital {account_id}=AMOUNT"
        )
    return uncopied(history, master)
