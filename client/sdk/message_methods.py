"""The methods of the client that gives the messages of the API as they are: a line for each RPC."""

from __future__ import annotations

from krakencopy.client.sdk.call import whole
from krakencopy.client.sdk.calls import (
    access_calls,
    account_calls,
    audit_calls,
    config_calls,
    copy_calls,
    event_calls,
    fill_calls,
    limit_calls,
    order_calls,
    setting_calls,
    status_calls,
    sync_calls,
    trading_calls,
)
from krakencopy.client.sdk.method import answer, listing, stream, watch


class MessageMethods:
    """A method for each RPC of ControlService, with the parameters and the docstring of its call."""

    who_am_i = answer(access_calls.who_am_i, whole)
    create_token = answer(access_calls.create_token, whole)
    list_tokens = answer(access_calls.list_tokens, whole)
    revoke_token = answer(access_calls.revoke_token, whole)
    issue_certificate = answer(access_calls.issue_certificate, whole)
    list_principals = answer(access_calls.list_principals, whole)
    revoke_principal = answer(access_calls.revoke_principal, whole)

    list_accounts = listing(account_calls.list_accounts, whole)
    get_account = answer(account_calls.get_account, whole)
    get_nonce = answer(account_calls.get_nonce, whole)
    start_account = answer(account_calls.start_account, whole)
    stop_account = answer(account_calls.stop_account, whole)
    restart_account = answer(account_calls.restart_account, whole)
    pause_account = answer(account_calls.pause_account, whole)
    resume_account = answer(account_calls.resume_account, whole)
    rename_asset = answer(account_calls.rename_asset, whole)

    list_audit_entries = listing(audit_calls.list_audit_entries, whole)
    watch_audit = watch(audit_calls.watch_audit, whole)
    verify_audit = answer(audit_calls.verify_audit, whole)

    create_account = answer(config_calls.create_account, whole)
    update_account = answer(config_calls.update_account, whole)
    delete_account = answer(config_calls.delete_account, whole)
    get_account_config = answer(config_calls.get_account_config, whole)
    list_account_configs = listing(config_calls.list_account_configs, whole)
    create_group = answer(config_calls.create_group, whole)
    update_group = answer(config_calls.update_group, whole)
    delete_group = answer(config_calls.delete_group, whole)
    list_groups = listing(config_calls.list_groups, whole)
    rotate_credentials = answer(config_calls.rotate_credentials, whole)
    list_config_changes = listing(config_calls.list_config_changes, whole)

    list_copies = listing(copy_calls.list_copies, whole)
    watch_copies = watch(copy_calls.watch_copies, whole)

    list_events = listing(event_calls.list_events, whole)
    watch_events = watch(event_calls.watch_events, whole)
    read_log = stream(event_calls.read_log, whole)

    list_fills = listing(fill_calls.list_fills, whole)
    watch_fills = watch(fill_calls.watch_fills, whole)
    explain_fill = answer(fill_calls.explain_fill, whole)
    copy_fill = answer(fill_calls.copy_fill, whole)

    list_limits = answer(limit_calls.list_limits, whole)
    reset_limit = answer(limit_calls.reset_limit, whole)

    place_order = answer(order_calls.place_order, whole)
    list_orders = listing(order_calls.list_orders, whole)
    get_order = answer(order_calls.get_order, whole)
    cancel_order = answer(order_calls.cancel_order, whole)
    cancel_orders = answer(order_calls.cancel_orders, whole)

    set_settings = answer(setting_calls.set_settings, whole)

    get_status = answer(status_calls.get_status, whole)
    get_report = answer(status_calls.get_report, whole)
    reload = answer(status_calls.reload, whole)
    shutdown = answer(status_calls.shutdown, whole)

    resync_account = answer(sync_calls.resync_account, whole)

    set_trading_state = answer(trading_calls.set_trading_state, whole)
    flatten_accounts = answer(trading_calls.flatten_accounts, whole)
