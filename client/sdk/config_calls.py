"""The SDK's calls about accounts and groups that are configured over the API. No key is ever given: only the
file on the supervisor's machine that has it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from krakencopy.client.sdk.connection import Connection
from krakencopy.client.sdk.errors import BadInput
from krakencopy.client.sdk.operator_name import operator_name
from krakencopy.client.sdk.pages import PAGE_SIZE_MAX, pages
from krakencopy.v1 import configuration_pb2 as pb
from krakencopy.v1 import control_pb2

#: The supervisor looks for keys, which takes as long as a command of the file takes, in seconds.
CONFIG_TIMEOUT_S = 60.0
Answer = TypeVar("Answer")


class ConfigCalls:
    """A part of KrakenCopy."""

    _connection: Connection

    # -- accounts -------------------------------------------------------------------------------------------

    def create_account(
        self, account_id: str, fields: Mapping[str, Any] | None = None, *, validate_only: bool = False,
        changed_by: str = "", request_id: str = "", timeout_s: float | None = None,
    ) -> control_pb2.CreateAccountResponse:  # fmt: skip
        """Configure a new account. ``fields`` are those of ``AccountConfig``: ``credentials_file``,
        ``group``, ``mode``, ``copy={"max_user_risk": "0.05"}`` and so on.

        It is durable when this returns, and the answer says what follows. With ``validate_only`` all is
        checked and nothing changed. ``changed_by``: who asks, this machine user unless given. Raises Refused
        (``ALREADY_EXISTS``), BadInput with a line for each fault.
        """
        request = pb.CreateAccountRequest(
            account=_account(account_id, fields or {}), **_common(validate_only, changed_by, request_id)
        )
        return self._connection.ask(
            self._connection.stub.CreateAccount, request, _limit_s(timeout_s), request.request_id
        )

    def update_account(
        self, account_id: str, fields: Mapping[str, Any] | None = None, *, paths: Iterable[str] = (),
        etag: str = "", validate_only: bool = False, changed_by: str = "", request_id: str = "",
        timeout_s: float | None = None,
    ) -> control_pb2.UpdateAccountResponse:  # fmt: skip
        """Change an account of the API: all ``fields`` that are given, or those that ``paths`` name
        (``"copy.max_user_risk"``); what is named and not given is taken out.

        With an ``etag`` only if nobody has changed it since that was read. Raises as ``create_account``, and
        NotFound, Refused (``ETAG_NOT_CURRENT``, ``OWNED_BY_FILE``).
        """
        request = pb.UpdateAccountRequest(
            account=_account(account_id, fields or {}), update_mask=paths, etag=etag,
            **_common(validate_only, changed_by, request_id),
        )  # fmt: skip
        return self._connection.ask(
            self._connection.stub.UpdateAccount, request, _limit_s(timeout_s), request.request_id
        )

    def delete_account(
        self, account_id: str, *, on_leave: str = "", etag: str = "", validate_only: bool = False,
        changed_by: str = "", request_id: str = "", timeout_s: float | None = None,
    ) -> control_pb2.DeleteAccountResponse:  # fmt: skip
        """Delete an account of the API. ``on_leave``: what becomes of what copying bought: ``"keep"``,
        ``"close_only"``, ``"close_all"``; as its rules say without it. Raises as ``update_account``.
        """
        request = pb.DeleteAccountRequest(
            account_id=account_id, on_leave=_on_leave(on_leave), etag=etag,
            **_common(validate_only, changed_by, request_id),
        )  # fmt: skip
        return self._connection.ask(
            self._connection.stub.DeleteAccount, request, _limit_s(timeout_s), request.request_id
        )

    def get_account_config(self, account_id: str, *, timeout_s: float | None = None) -> pb.AccountConfig:
        """An account as it is configured, by the file or the API. Raises NotFound."""
        request = pb.GetAccountConfigRequest(account_id=account_id)
        return self._connection.ask(self._connection.stub.GetAccountConfig, request, timeout_s).account

    def list_account_configs(self, *, timeout_s: float | None = None) -> Iterator[pb.AccountConfig]:
        """All accounts as they are configured: the file's, then the API's."""

        def page(token: str) -> tuple[Iterable[pb.AccountConfig], str]:
            request = pb.ListAccountConfigsRequest(page_size=PAGE_SIZE_MAX, page_token=token)
            answer = self._connection.ask(self._connection.stub.ListAccountConfigs, request, timeout_s)
            return answer.accounts, answer.next_page_token

        return pages(page, None)

    # -- groups ---------------------------------------------------------------------------------------------

    def create_group(
        self, group_id: str, copy: Mapping[str, str] | None = None, *, validate_only: bool = False,
        changed_by: str = "", request_id: str = "", timeout_s: float | None = None,
    ) -> control_pb2.CreateGroupResponse:  # fmt: skip
        """Configure a new group, with rules of copying that its members share. Raises as
        ``create_account``.
        """
        request = pb.CreateGroupRequest(
            group=pb.GroupConfig(group_id=group_id, copy=copy or {}),
            **_common(validate_only, changed_by, request_id),
        )
        return self._connection.ask(
            self._connection.stub.CreateGroup, request, _limit_s(timeout_s), request.request_id
        )

    def update_group(
        self, group_id: str, copy: Mapping[str, str] | None = None, *, paths: Iterable[str] = (),
        etag: str = "", validate_only: bool = False, changed_by: str = "", request_id: str = "",
        timeout_s: float | None = None,
    ) -> control_pb2.UpdateGroupResponse:  # fmt: skip
        """Change a group of the API. Raises as ``update_account``."""
        request = pb.UpdateGroupRequest(
            group=pb.GroupConfig(group_id=group_id, copy=copy or {}), update_mask=paths, etag=etag,
            **_common(validate_only, changed_by, request_id),
        )  # fmt: skip
        return self._connection.ask(
            self._connection.stub.UpdateGroup, request, _limit_s(timeout_s), request.request_id
        )

    def delete_group(
        self, group_id: str, *, etag: str = "", validate_only: bool = False, changed_by: str = "",
        request_id: str = "", timeout_s: float | None = None,
    ) -> control_pb2.DeleteGroupResponse:  # fmt: skip
        """Delete a group of the API. Raises as ``update_account``, and Refused (``GROUP_HAS_MEMBERS``)."""
        request = pb.DeleteGroupRequest(
            group_id=group_id, etag=etag, **_common(validate_only, changed_by, request_id)
        )
        return self._connection.ask(
            self._connection.stub.DeleteGroup, request, _limit_s(timeout_s), request.request_id
        )

    def list_groups(self, *, timeout_s: float | None = None) -> Iterator[pb.GroupConfig]:
        """All groups as they are configured: the file's, then the API's."""

        def page(token: str) -> tuple[Iterable[pb.GroupConfig], str]:
            request = pb.ListGroupsRequest(page_size=PAGE_SIZE_MAX, page_token=token)
            answer = self._connection.ask(self._connection.stub.ListGroups, request, timeout_s)
            return answer.groups, answer.next_page_token

        return pages(page, None)

    # -- keys -----------------------------------------------------------------------------------------------

    def rotate_credentials(
        self, account_id: str, *, validate_only: bool = False, changed_by: str = "", request_id: str = "",
        timeout_s: float | None = None,
    ) -> pb.RotateCredentialsResponse:  # fmt: skip
        """Have an account use the key that its source gives now: fetched, tried at the exchange, then given
        to a new process once the old one has finished what is in flight. Answers when that one trades.

        Raises Refused where the new key is not taken (``KEY_REFUSED``, ``KEY_LACKS_PERMISSION``,
        ``OTHER_ACCOUNT`` and so on): the old one is in use then, and nothing was changed.
        """
        request = pb.RotateCredentialsRequest(
            account_id=account_id, **_common(validate_only, changed_by, request_id)
        )
        return self._connection.ask(
            self._connection.stub.RotateCredentials, request, _limit_s(timeout_s), request.request_id
        )

    # -- the history ----------------------------------------------------------------------------------------

    def list_config_changes(
        self, config_id: str = "", *, limit: int | None = None, timeout_s: float | None = None
    ) -> Iterator[pb.ConfigChange]:
        """What was changed over the API, of one account or group or of all: the latest first."""

        def page(token: str) -> tuple[Iterable[pb.ConfigChange], str]:
            request = pb.ListConfigChangesRequest(id=config_id, page_size=PAGE_SIZE_MAX, page_token=token)
            answer = self._connection.ask(self._connection.stub.ListConfigChanges, request, timeout_s)
            return answer.changes, answer.next_page_token

        return pages(page, limit)


def _limit_s(timeout_s: float | None) -> float:
    return CONFIG_TIMEOUT_S if timeout_s is None else timeout_s


def _common(validate_only: bool, changed_by: str, request_id: str) -> dict[str, Any]:
    return {
        "request_id": request_id or str(uuid.uuid4()),
        "validate_only": validate_only,
        "changed_by": changed_by or operator_name(),
    }


def _account(account_id: str, fields: Mapping[str, Any]) -> pb.AccountConfig:
    try:
        return pb.AccountConfig(account_id=account_id, **fields)
    except (TypeError, ValueError) as error:
        raise BadInput(f"no fields of an account: {error}") from None


def _on_leave(written: str) -> pb.OnLeave.ValueType:
    if not written:
        return pb.ON_LEAVE_UNSPECIFIED
    try:
        return pb.OnLeave.Value(f"ON_LEAVE_{written.upper()}")
    except ValueError:
        raise BadInput(f"{written!r} is no on_leave; there are keep, close_only and close_all") from None
