"""The methods of the clients that give typed values: a line for each RPC, which names the function that
describes its call and the value of what it gives.
"""

from __future__ import annotations

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
from krakencopy.client.sdk.generated import values
from krakencopy.client.sdk.method import answer, listing, stream, watch
from krakencopy.client.sdk.value import each


class TypedMethods:
    """A method for each RPC of ControlService, with the parameters and the docstring of its call."""

    who_am_i = answer(access_calls.who_am_i, values.WhoAmIResponse)
    create_token = answer(access_calls.create_token, values.CreateTokenResponse)
    list_tokens = answer(access_calls.list_tokens, each(values.Credential))
    revoke_token = answer(access_calls.revoke_token, values.Credential)
    issue_certificate = answer(access_calls.issue_certificate, values.IssueCertificateResponse)
    list_principals = answer(access_calls.list_principals, each(values.Credential))
    revoke_principal = answer(access_calls.revoke_principal, each(values.Credential))

    list_accounts = listing(account_calls.list_accounts, values.Account)
    get_account = answer(account_calls.get_account, values.Account)
    get_nonce = answer(account_calls.get_nonce, values.NonceReport)
    start_account = answer(account_calls.start_account, values.Account)
    stop_account = answer(account_calls.stop_account, values.Account)
    restart_account = answer(account_calls.restart_account, values.Account)
    pause_account = answer(account_calls.pause_account, values.Account)
    resume_account = answer(account_calls.resume_account, values.Account)
    rename_asset = answer(account_calls.rename_asset, values.RenameAssetResponse)

    list_audit_entries = listing(audit_calls.list_audit_entries, values.AuditEntry)
    watch_audit = watch(audit_calls.watch_audit, values.AuditEntry)
    verify_audit = answer(audit_calls.verify_audit, values.VerifyAuditResponse)

    create_account = answer(config_calls.create_account, values.CreateAccountResponse)
    update_account = answer(config_calls.update_account, values.UpdateAccountResponse)
    delete_account = answer(config_calls.delete_account, values.DeleteAccountResponse)
    get_account_config = answer(config_calls.get_account_config, values.AccountConfig)
    list_account_configs = listing(config_calls.list_account_configs, values.AccountConfig)
    create_group = answer(config_calls.create_group, values.CreateGroupResponse)
    update_group = answer(config_calls.update_group, values.UpdateGroupResponse)
    delete_group = answer(config_calls.delete_group, values.DeleteGroupResponse)
    list_groups = listing(config_calls.list_groups, values.GroupConfig)
    rotate_credentials = answer(config_calls.rotate_credentials, values.RotateCredentialsResponse)
    list_config_changes = listing(config_calls.list_config_changes, values.ConfigChange)

    list_copies = listing(copy_calls.list_copies, values.Copy)
    watch_copies = watch(copy_calls.watch_copies, values.WatchCopiesResponse)

    list_events = listing(event_calls.list_events, values.Event)
    watch_events = watch(event_calls.watch_events, values.Event)
    read_log = stream(event_calls.read_log, str)

    list_fills = listing(fill_calls.list_fills, values.Fill)
    watch_fills = watch(fill_calls.watch_fills, values.Fill)
    explain_fill = answer(fill_calls.explain_fill, values.ExplainFillResponse)
    copy_fill = answer(fill_calls.copy_fill, values.CopyFillResponse)

    list_limits = answer(limit_calls.list_limits, each(values.LossLimit))
    reset_limit = answer(limit_calls.reset_limit, values.ResetLimitResponse)

    place_order = answer(order_calls.place_order, values.PlaceOrderResponse)
    list_orders = listing(order_calls.list_orders, values.Order)
    get_order = answer(order_calls.get_order, values.Order)
    cancel_order = answer(order_calls.cancel_order, values.CancelOrderResponse)
    cancel_orders = answer(order_calls.cancel_orders, values.CancelOrdersResponse)

    set_settings = answer(setting_calls.set_settings, values.SetSettingsResponse)

    get_status = answer(status_calls.get_status, values.GetStatusResponse)
    get_report = answer(status_calls.get_report, values.GetReportResponse)
    reload = answer(status_calls.reload, values.ReloadResponse)
    shutdown = answer(status_calls.shutdown, values.ShutdownResponse)

    resync_account = answer(sync_calls.resync_account, values.ResyncAccountResponse)

    set_trading_state = answer(trading_calls.set_trading_state, values.SetTradingStateResponse)
    flatten_accounts = answer(trading_calls.flatten_accounts, values.FlattenAccountsResponse)
