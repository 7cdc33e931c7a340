"""The SDK's calls about accounts and groups that are configured over the API. No key is ever given: only the
file on the supervisor's machine that has it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from krakencopy.client.sdk.call import Ask, Listing, whole
from krakencopy.client.sdk.errors import BadInput
from krakencopy.client.sdk.operator_name import operator_name
from krakencopy.client.sdk.pages import PAGE_SIZE_MAX
from krakencopy.v1 import configuration_pb2 as configuration
from krakencopy.v1 import control_pb2 as control

#: The supervisor looks for keys, which takes as long as a command of the file takes, in seconds.
CONFIG_TIMEOUT_S = 60.0


def create_account(
    account_id: str, fields: Mapping[str, Any] | None = None, *, validate_only: bool = False,
    changed_by: str = "", request_id: str = "", timeout_s: float | None = None,
) -> Ask[control.CreateAccountResponse, control.CreateAccountResponse]:  # fmt: skip
    """Configure a new account. ``fields`` are those of ``AccountConfig``: ``credentials_file``,
    ``group``, ``mode``, ``copy={"max_user_risk": "0.05"}`` and so on.

    It is durable when this returns, and the answer says what follows. With ``validate_only`` all is
    checked and nothing changed. ``changed_by``: who asks, this machine user unless given. Raises Refused
    (``ALREADY_EXISTS``), BadInput with a line for each fault.
    """
    request = configuration.CreateAccountRequest(
        account=_account(account_id, fields or {}), **_common(validate_only, changed_by, request_id)
    )
    return Ask(request, control.CreateAccountResponse, whole, _limit_s(timeout_s))


def update_account(
    account_id: str, fields: Mapping[str, Any] | None = None, *, paths: Iterable[str] = (),
    etag: str = "", validate_only: bool = False, changed_by: str = "", request_id: str = "",
    timeout_s: float | None = None,
) -> Ask[control.UpdateAccountResponse, control.UpdateAccountResponse]:  # fmt: skip
    """Change an account of the API: all ``fields`` that are given, or those that ``paths`` name
    (``"copy.max_user_risk"``); what is named and not given is taken out.

    With an ``etag`` only if nobody has changed it since that was read. Raises as ``create_account``, and
    NotFound, Refused (``ETAG_NOT_CURRENT``, ``OWNED_BY_FILE``).
    """
    request = configuration.UpdateAccountRequest(
        account=_account(account_id, fields or {}), update_mask=paths, etag=etag,
        **_common(validate_only, changed_by, request_id),
    )  # fmt: skip
    return Ask(request, control.UpdateAccountResponse, whole, _limit_s(timeout_s))


def delete_account(
    account_id: str, *, on_leave: str = "", etag: str = "", validate_only: bool = False,
    changed_by: str = "", request_id: str = "", timeout_s: float | None = None,
) -> Ask[control.DeleteAccountResponse, control.DeleteAccountResponse]:  # fmt: skip
    """Delete an account of the API. ``on_leave``: what becomes of what copying bought: ``"keep"``,
    ``"close_only"``, ``"close_all"``; as its rules say without it. Raises as ``update_account``.
    """
    request = configuration.DeleteAccountRequest(
        account_id=account_id, on_leave=_on_leave(on_leave), etag=etag,
        **_common(validate_only, changed_by, request_id),
    )  # fmt: skip
    return Ask(request, control.DeleteAccountResponse, whole, _limit_s(timeout_s))


def get_account_config(
    account_id: str, *, timeout_s: float | None = None
) -> Ask[configuration.GetAccountConfigResponse, configuration.AccountConfig]:
    """An account as it is configured, by the file or the API. Raises NotFound."""
    request = configuration.GetAccountConfigRequest(account_id=account_id)
    return Ask(request, configuration.GetAccountConfigResponse, lambda answer: answer.account, timeout_s)


def list_account_configs(
    *, timeout_s: float | None = None
) -> Listing[configuration.ListAccountConfigsResponse, configuration.AccountConfig]:
    """All accounts as they are configured: the file's, then the API's."""
    return Listing(
        lambda token: configuration.ListAccountConfigsRequest(page_size=PAGE_SIZE_MAX, page_token=token),
        configuration.ListAccountConfigsResponse,
        lambda answer: (answer.accounts, answer.next_page_token),
        None,
        timeout_s,
    )


def create_group(
    group_id: str, copy: Mapping[str, str] | None = None, *, validate_only: bool = False,
    changed_by: str = "", request_id: str = "", timeout_s: float | None = None,
) -> Ask[control.CreateGroupResponse, control.CreateGroupResponse]:  # fmt: skip
    """Configure a new group, with rules of copying that its members share. Raises as
    ``create_account``.
    """
    request = configuration.CreateGroupRequest(
        group=configuration.GroupConfig(group_id=group_id, copy=copy or {}),
        **_common(validate_only, changed_by, request_id),
    )
    return Ask(request, control.CreateGroupResponse, whole, _limit_s(timeout_s))


def update_group(
    group_id: str, copy: Mapping[str, str] | None = None, *, paths: Iterable[str] = (),
    etag: str = "", validate_only: bool = False, changed_by: str = "", request_id: str = "",
    timeout_s: float | None = None,
) -> Ask[control.UpdateGroupResponse, control.UpdateGroupResponse]:  # fmt: skip
    """Change a group of the API. Raises as ``update_account``."""
    request = configuration.UpdateGroupRequest(
        group=configuration.GroupConfig(group_id=group_id, copy=copy or {}), update_mask=paths, etag=etag,
        **_common(validate_only, changed_by, request_id),
    )  # fmt: skip
    return Ask(request, control.UpdateGroupResponse, whole, _limit_s(timeout_s))


def delete_group(
    group_id: str, *, etag: str = "", validate_only: bool = False, changed_by: str = "",
    request_id: str = "", timeout_s: float | None = None,
) -> Ask[control.DeleteGroupResponse, control.DeleteGroupResponse]:  # fmt: skip
    """Delete a group of the API. Raises as ``update_account``, and Refused (``GROUP_HAS_MEMBERS``)."""
    request = configuration.DeleteGroupRequest(
        group_id=group_id, etag=etag, **_common(validate_only, changed_by, request_id)
    )
    return Ask(request, control.DeleteGroupResponse, whole, _limit_s(timeout_s))


def list_groups(
    *, timeout_s: float | None = None
) -> Listing[configuration.ListGroupsResponse, configuration.GroupConfig]:
    """All groups as they are configured: the file's, then the API's."""
    return Listing(
        lambda token: configuration.ListGroupsRequest(page_size=PAGE_SIZE_MAX, page_token=token),
        configuration.ListGroupsResponse,
        lambda answer: (answer.groups, answer.next_page_token),
        None,
        timeout_s,
    )


def rotate_credentials(
    account_id: str, *, validate_only: bool = False, changed_by: str = "", request_id: str = "",
    timeout_s: float | None = None,
) -> Ask[configuration.RotateCredentialsResponse, configuration.RotateCredentialsResponse]:  # fmt: skip
    """Have an account use the key that its source gives now: fetched, tried at the exchange, then given
    to a new process once the old one has finished what is in flight. Answers when that one trades.

    Raises Refused where the new key is not taken (``KEY_REFUSED``, ``KEY_LACKS_PERMISSION``,
    ``OTHER_ACCOUNT`` and so on): the old one is in use then, and nothing was changed.
    """
    request = configuration.RotateCredentialsRequest(
        account_id=account_id, **_common(validate_only, changed_by, request_id)
    )
    return Ask(request, configuration.RotateCredentialsResponse, whole, _limit_s(timeout_s))


def list_config_changes(
    config_id: str = "", *, limit: int | None = None, timeout_s: float | None = None
) -> Listing[configuration.ListConfigChangesResponse, configuration.ConfigChange]:
    """What was changed over the API, of one account or group or of all: the latest first."""
    return Listing(
        lambda token: configuration.ListConfigChangesRequest(
            id=config_id, page_size=PAGE_SIZE_MAX, page_token=token
        ),
        configuration.ListConfigChangesResponse,
        lambda answer: (answer.changes, answer.next_page_token),
        limit,
        timeout_s,
    )


def _limit_s(timeout_s: float | None) -> float:
    return CONFIG_TIMEOUT_S if timeout_s is None else timeout_s


def _common(validate_only: bool, changed_by: str, request_id: str) -> dict[str, Any]:
    return {
        "request_id": request_id or str(uuid.uuid4()),
        "validate_only": validate_only,
        "changed_by": changed_by or operator_name(),
    }


def _account(account_id: str, fields: Mapping[str, Any]) -> configuration.AccountConfig:
    known = configuration.AccountConfig.DESCRIPTOR.fields_by_name
    if unknown := [name for name in fields if name not in known]:
        words = (
            "a rule of copying is a key of copy, e.g. copy.max_user_risk; all fields are in "
            "docs/api/configuration.md"
        )
        raise BadInput(f"{', '.join(unknown)}: no field of an account; {words}")
    try:
        return configuration.AccountConfig(account_id=account_id, **fields)
    except (TypeError, ValueError) as error:
        raise BadInput(f"the fields of an account cannot be so: {error}") from None


def _on_leave(written: str) -> configuration.OnLeave.ValueType:
    if not written:
        return configuration.ON_LEAVE_UNSPECIFIED
    try:
        return configuration.OnLeave.Value(f"ON_LEAVE_{written.upper()}")
    except ValueError:
        raise BadInput(f"{written!r} is no on_leave; there are keep, close_only and close_all") from None
