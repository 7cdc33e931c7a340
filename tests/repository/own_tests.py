"""Which files of tests are a module's own.

They are ``tests/<folder>/test_<module>.py``, and beside it ``test_<module>_<more>.py``. A module that has
none is named in ``PROVEN_BY`` with the file that proves it, or in ``WITHOUT`` with the reason.
tests/repository/test_own_tests.py keeps both honest; tests/repository/coverage_report.py measures how much of
a module its own tests reach.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("account_proc", "client", "paper_exchange", "supervisor")

_SPAWNER = (
    "tests/supervisor/processes/test_spawner.py",
    "tests/supervisor/processes/test_spawner_killed.py",
)
_READER = "tests/supervisor/config/test_reader.py"
_SUPERVISED = "tests/supervisor/accounts/test_supervised_account.py"
_COMMANDS = (
    "tests/client/cli/test_main.py",
    "tests/client/cli/test_main_input.py",
    "tests/client/cli/test_streams.py",
    "tests/client/cli/test_wait_commands.py",
    "tests/client/cli/test_watch_commands.py",
)
_SIZING = "tests/account_proc/domain/test_sizing.py"
_COPIER = "tests/account_proc/copying/test_copier.py"
_REQUESTED = "tests/account_proc/trading/test_requested_orders.py"
_STRATEGIES = "tests/account_proc/strategy/test_runner.py"
_CONTROL = ("tests/paper_exchange/control/test_api.py", "tests/paper_exchange/values/test_catalogue.py")
_ENGINE = ("tests/paper_exchange/engine/test_engine.py", "tests/paper_exchange/engine/test_order_kinds.py")
_NEW_ORDER = "tests/paper_exchange/order_entry/test_new_order.py"
_REST = ("tests/paper_exchange/rest/test_rest.py", "tests/paper_exchange/rest/test_orders.py")
_ROWS = (*_REST, "tests/paper_exchange/rest/test_account.py", "tests/paper_exchange/rest/test_paging.py")
_SOCKET = ("tests/paper_exchange/websocket/test_hub.py", "tests/paper_exchange/websocket/test_channels.py")
_SYSTEM = ("tests/system/test_copying.py", "tests/system/test_reload.py")
_REPLAY = "tests/account_proc/simulation/test_replay.py"
_SHADOW = "tests/account_proc/trading/test_shadow_gateway.py"
_SIMULATE = "tests/system/test_simulate.py"
_AGAINST_SUPERVISOR = (
    "tests/client/test_against_supervisor_accounts.py",
    "tests/client/test_against_supervisor_trading.py",
    "tests/client/test_against_supervisor_streams.py",
)

#: Modules that are proven by other files of tests, alone or beside their own: files that name what the module
#: is a part of.
PROVEN_BY: dict[str, tuple[str, ...]] = {
    # Parts of one rule, divided for the reader, and decided together.
    "account_proc/contract/condition_reasons.py": ("tests/account_proc/contract/test_event_catalogue.py",),
    "account_proc/contract/event_entry.py": ("tests/account_proc/contract/test_event_catalogue.py",),
    "account_proc/domain/copy_plan.py": (_SIZING,),
    "client/cli/completion_scripts.py": ("tests/client/cli/test_completion_commands.py",),
    "account_proc/domain/eligibility.py": (_SIZING, "tests/account_proc/domain/test_sizing_fixed.py"),
    "account_proc/domain/sizing_text.py": (_SIZING,),
    "account_proc/state/key_lock.py": (
        "tests/account_proc/state/test_nonce_custody.py",
        "tests/account_proc/state/test_nonce_custody_processes.py",
    ),
    "account_proc/state/ledger_position.py": ("tests/account_proc/state/test_ledger.py",),
    "account_proc/state/ledger_rows.py": ("tests/account_proc/state/test_ledger.py",),
    "supervisor/accounts/conversation.py": (
        "tests/supervisor/accounts/test_account_link.py",
        "tests/supervisor/accounts/test_copy_stream.py",
    ),
    "supervisor/config/exchange_tables.py": (_READER,),
    "supervisor/config/fitting_accounts.py": (_READER, "tests/supervisor/config/test_reader_groups.py"),
    # One package, made from the protos and tested as one.
    **{
        str(path.relative_to(ROOT)): ("tests/client/sdk/generated/test_values.py",)
        for path in (ROOT / "client/sdk/generated/values").glob("[!_]*.py")
    },
    "client/views/setting_notes.py": ("tests/client/cli/test_setting_commands.py",),
    "client/views/setting_pages.py": ("tests/client/cli/test_setting_commands.py",),
    "supervisor/control/setting_calls.py": ("tests/system/test_settings.py",),
    "supervisor/accounts/kept_settings.py": ("tests/supervisor/control/test_setter.py",),
    "supervisor/config/model.py": (_READER, "tests/supervisor/config/test_brokers.py"),
    "supervisor/config/values.py": (_READER,),
    "supervisor/journal/setting_changes.py": ("tests/supervisor/journal/test_journal.py",),
    "supervisor/journal/schema.py": ("tests/supervisor/journal/test_journal.py",),
    # Parts of a user's copying, which are tested with the real copier and a scripted exchange.
    "account_proc/copying/copier.py": ("tests/account_proc/copying/test_copy_execution.py",),
    "account_proc/copying/copy_execution.py": ("tests/account_proc/copying/test_order_refusals.py",),
    "account_proc/copying/copy_steps.py": (_COPIER,),
    "account_proc/copying/exits.py": (_COPIER, "tests/account_proc/copying/test_order_refusals.py"),
    # A replay is one thing: its parts are tested together, and what is shown of it by the commands.
    "account_proc/simulation/replayed_user.py": (_REPLAY,),
    "account_proc/simulation/replayed_parts.py": (_REPLAY,),
    "account_proc/simulation/replayed_owing.py": ("tests/account_proc/simulation/test_replay_model.py",),
    "account_proc/simulation/history.py": (_REPLAY, _SIMULATE),
    "client/cli/simulation_arguments.py": (_SIMULATE,),
    "client/cli/offline_simulation.py": (_SIMULATE,),
    "client/views/simulation_page.py": (_SIMULATE,),
    # What a shadow is made of.
    "account_proc/trading/shadow_portfolio.py": (_SHADOW,),
    "account_proc/state/shadow_mark.py": (_SHADOW,),
    "account_proc/trading/broker.py": (_STRATEGIES,),
    "account_proc/trading/kraken_broker.py": (_STRATEGIES,),
    "account_proc/trading/order_gateway.py": (
        _REQUESTED,
        "tests/account_proc/copying/test_copy_execution.py",
    ),
    "account_proc/trading/timing.py": (_REQUESTED,),
    # A client of a server, tested against a server.
    "account_proc/ccxt_broker/client.py": (
        "tests/account_proc/ccxt_broker/test_broker.py",
        "tests/account_proc/ccxt_broker/test_coinbase.py",
    ),
    "account_proc/kraken/account_reads.py": ("tests/account_proc/kraken/test_api.py",),
    "account_proc/kraken/market_reads.py": ("tests/account_proc/kraken/test_api.py",),
    "account_proc/kraken/order_entry.py": ("tests/account_proc/kraken/test_api.py",),
    "account_proc/kraken/order_reads.py": ("tests/account_proc/kraken/test_api.py",),
    "account_proc/kraken/rest/request_queue.py": ("tests/account_proc/kraken/rest/test_client.py",),
    "supervisor/accounts/grpc_client.py": (
        "tests/account_proc/runtime/test_grpc_server.py",
        "tests/supervisor/accounts/test_account_link.py",
    ),
    # Lines for people, tested as the pages that they stand on.
    "client/views/rows.py": ("tests/client/views/test_pages.py",),
    # Commands: what is asked, what is shown, how it ends.
    "client/cli/arguments.py": _COMMANDS,
    "client/cli/commands.py": _COMMANDS,
    "client/cli/process_commands.py": _COMMANDS,
    # The calls whose messages they are.
    "supervisor/control/config_messages.py": (
        "tests/supervisor/control/test_config_calls.py",
        "tests/supervisor/control/test_every_rpc.py",
    ),
    "client/cli/watch.py": _COMMANDS,
    # Processes, tested as processes.
    "account_proc/master/master.py": _SYSTEM,
    "account_proc/notices/announcements.py": ("tests/system/test_reconciliation.py",),
    "account_proc/runtime/boot.py": _SPAWNER,
    "account_proc/service/account_process.py": _SYSTEM,
    "account_proc/service/ccxt_process.py": ("tests/system/test_other_brokers.py",),
    "account_proc/service/kraken_process.py": _SYSTEM,
    "supervisor/accounts/health_watch.py": ("tests/supervisor/test_supervisor.py", _SUPERVISED),
    "supervisor/accounts/key_handover.py": ("tests/system/test_reload.py",),
    "supervisor/accounts/registry.py": ("tests/system/test_reload.py",),
    "supervisor/accounts/supervised_account.py": _SYSTEM,
    "supervisor/accounts/shutdown.py": ("tests/supervisor/test_supervisor.py", *_SYSTEM),
    "supervisor/control/reloader.py": ("tests/system/test_reload.py",),
    "supervisor/control/server.py": _AGAINST_SUPERVISOR,
    "supervisor/control/service.py": (*_AGAINST_SUPERVISOR, *_SYSTEM),
    "supervisor/processes/child.py": _SPAWNER,
    "supervisor/processes/forkserver.py": _SPAWNER,
    "supervisor/processes/forkserver_client.py": _SPAWNER,
    "supervisor/run.py": (
        "tests/supervisor/test_daemon_paper_run.py",
        "tests/supervisor/test_daemon_state_folder.py",
        *_SYSTEM,
    ),
    "supervisor/supervisor.py": ("tests/supervisor/test_supervisor.py", *_SYSTEM),
    # The paper exchange: what a client of its engine, its REST and its WebSocket sees.
    "paper_exchange/accounts/ledger.py": ("tests/paper_exchange/accounts/test_account.py",),
    "paper_exchange/control/fault_forms.py": ("tests/paper_exchange/faults/test_table.py",),
    "paper_exchange/control/forms.py": _CONTROL,
    "paper_exchange/control/money.py": (*_CONTROL, "tests/paper_exchange/venue/test_treasury.py"),
    "paper_exchange/control/pairs.py": _CONTROL,
    "paper_exchange/control/rows.py": (*_CONTROL, "tests/paper_exchange/live/test_live_process.py"),
    "paper_exchange/engine/booking.py": _ENGINE,
    "paper_exchange/engine/engine.py": _ENGINE,
    "paper_exchange/engine/match_plan.py": _ENGINE,
    "paper_exchange/engine/outcomes.py": _ENGINE,
    "paper_exchange/order_entry/order_prices.py": (_NEW_ORDER, _ENGINE[1]),
    "paper_exchange/order_entry/trading_conditions.py": (
        _NEW_ORDER,
        "tests/paper_exchange/rest/test_orders.py",
    ),
    "paper_exchange/rest/account.py": _ROWS,
    "paper_exchange/rest/history.py": _ROWS,
    "paper_exchange/rest/private.py": _ROWS,
    "paper_exchange/rest/public.py": _REST,
    "paper_exchange/rest/rows.py": _ROWS,
    "paper_exchange/server.py": ("tests/paper_exchange/test_process.py", *_REST),
    "paper_exchange/venue/admission.py": (*_REST, "tests/paper_exchange/test_robustness.py"),
    "paper_exchange/venue/exchange.py": (*_ENGINE, *_CONTROL),
    "paper_exchange/venue/order_api.py": (*_ENGINE, "tests/paper_exchange/rest/test_orders.py"),
    "paper_exchange/venue/private_call.py": _REST,
    "paper_exchange/venue/rate_charges.py": ("tests/paper_exchange/rest/test_orders.py",),
    "paper_exchange/websocket/instrument_channel.py": _SOCKET,
    "paper_exchange/websocket/private_channels.py": _SOCKET,
    "paper_exchange/websocket/public_channels.py": _SOCKET,
    "paper_exchange/websocket/topics.py": _SOCKET,
}
#: Modules that no file of tests is named for, and why.
WITHOUT: dict[str, str] = {
    "account_proc/__main__.py": "a command line, which the spawner's tests start",
    "account_proc/copying/copy_context.py": "fields and what they mean, no code",
    "client/sdk/timeouts.py": "numbers and their reasons, no code",
    "paper_exchange/__main__.py": "a command line, which tests/paper_exchange/test_process.py starts",
}


def modules() -> list[str]:
    """All modules, as paths below the root. An ``__init__`` says what its package is for, and is none."""
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return sorted(str(path.relative_to(ROOT)) for path in found if path.name != "__init__.py")


def mirrored(module: str) -> list[str]:
    """The files that are named for a module."""
    path = Path(module)
    siblings = {other.stem for other in (ROOT / path.parent).glob("*.py")}
    files = (ROOT / "tests" / path.parent).glob(f"test_{path.stem}*.py")
    return sorted(str(file.relative_to(ROOT)) for file in files if _subject(file.stem, siblings) == path.stem)


def _subject(name: str, modules: set[str]) -> str:
    """The module that a file of tests is named for: of several, the longest name."""
    rest = name.removeprefix("test_")
    return max((module for module in modules if f"{rest}_".startswith(f"{module}_")), key=len, default="")


def own_tests(module: str) -> list[str]:
    """The files whose part in a module's coverage is looked at; empty for one in ``WITHOUT``."""
    return [*mirrored(module), *PROVEN_BY.get(module, ())]
