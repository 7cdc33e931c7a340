"""Values of config calls and what they hold. Made from the protos by tests/support/sdk.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from krakencopy.client.sdk.field import Field
from krakencopy.client.sdk.generated.enums import ChangeKind, ConfigAction, ConfigOwner, RotationOutcome
from krakencopy.client.sdk.generated.values.account import Account
from krakencopy.client.sdk.value import Value
from krakencopy.v1 import configuration_pb2 as configuration
from krakencopy.v1 import control_pb2 as control


class AccountConfig(Value[configuration.AccountConfig]):
    """An account as it is configured. Values are written as in the file, without the quotes of a text."""

    account_id: Field[str]
    """The id: 1 to 64 of a-z, 0-9, _ and -. It is for ever: the account's ledger has it."""
    broker: Field[str]
    """Where it is; empty for "kraken". It cannot be changed."""
    mode: Field[str]
    """As text: "trade", also where it is empty, or "shadow". It cannot be changed: a ledger is a shadow's or
    never.
    """
    group: Field[str]
    """The group that it belongs to, the file's or the API's; empty for none."""
    tier: Field[str]
    """Which of the exchange's rate limits hold for it, e.g. "pro"; empty for what the file's accounts
    have.
    """
    credentials_file: Field[str]
    """The file on the supervisor's machine that has key and secret, in one of the folders that the
    configuration permits; without a folder before it, in the state folder's `credentials`. Empty: the
    supervisor's environment has them.
    """
    copy: Field[Mapping[str, str]]
    """Its own rules of copying, by key, as of SetSettings."""
    reserve: Field[Mapping[str, str]]
    """By asset, how much is left out of its equity and cash."""
    strategy: Field[str]
    """The installed strategy that trades it by itself; empty for none."""
    strategy_risk: Field[str]
    """Which share of its equity that strategy's position in one pair may cost."""
    strategy_options: Field[Mapping[str, str]]
    """Options of that strategy, by name."""
    owner: Field[ConfigOwner]
    """Who has it; said in answers only, as all that follows."""
    role: Field[str]
    """As text: "master" or "user"."""
    key_source: Field[str]
    """Where its key is from, for people."""
    etag: Field[str]
    """Of this very state of it: an update or a delete that gives it is refused where it is not current. Empty
    for one of the file.
    """
    created_at: Field[datetime | None]
    """When it was created, and last changed, over the API."""
    changed_at: Field[datetime | None]
    """See `created_at`."""
    changed_by: Field[str]
    """Who changed it last."""
    left_out: Field[str]
    """Why it does not run although it is kept: it does not go together with the file as that is now."""


class SettingChange(Value[control.SettingChange]):
    """A setting with another value. No secret is ever in it."""

    key: Field[str]
    """The key, e.g. "copy.max_user_risk" or "startup.health_timeout_s"."""
    old_value: Field[str]
    """The value before, in words; empty when it was not set."""
    new_value: Field[str]
    """The value from now on, in words; empty when it is not set any more."""


class AccountChange(Value[control.AccountChange]):
    """What happens to one account."""

    account_id: Field[str]
    """The id from the configuration."""
    kind: Field[ChangeKind]
    """What happens to it."""
    settings: Field[tuple[SettingChange, ...]]
    """For a changed account: its settings that are others now, what it has from [copy] included."""
    effect: Field[str]
    """What follows, for people, e.g. "its process restarts"."""


class CreateAccountResponse(Value[control.CreateAccountResponse]):
    """What was created."""

    account: Field[AccountConfig]
    """As it is configured now; after `validate_only` as it would be."""
    applied: Field[bool]
    """True when it was applied; false where it was only validated."""
    accounts: Field[tuple[AccountChange, ...]]
    """Accounts that were added, removed or changed by it, and what follows for their processes."""
    kept: Field[tuple[str, ...]]
    """As of ReloadResponse."""
    warnings: Field[tuple[str, ...]]
    """What can be run so and is probably not meant, for people, a line each."""


class UpdateAccountResponse(Value[control.UpdateAccountResponse]):
    """What was changed."""

    account: Field[AccountConfig]
    """As it is configured now; after `validate_only` as it would be."""
    applied: Field[bool]
    """True when it was applied; false where it was only validated."""
    accounts: Field[tuple[AccountChange, ...]]
    """Accounts that were added, removed or changed by it, and what follows for their processes."""
    kept: Field[tuple[str, ...]]
    """As of ReloadResponse."""
    warnings: Field[tuple[str, ...]]
    """What can be run so and is probably not meant, for people, a line each."""


class DeleteAccountResponse(Value[control.DeleteAccountResponse]):
    """What was deleted."""

    account: Field[AccountConfig]
    """As it is configured now; after `validate_only` as it would be."""
    applied: Field[bool]
    """True when it was applied; false where it was only validated."""
    accounts: Field[tuple[AccountChange, ...]]
    """Accounts that were added, removed or changed by it, and what follows for their processes."""
    kept: Field[tuple[str, ...]]
    """As of ReloadResponse."""
    warnings: Field[tuple[str, ...]]
    """What can be run so and is probably not meant, for people, a line each."""


class GroupConfig(Value[configuration.GroupConfig]):
    """A group as it is configured."""

    group_id: Field[str]
    """The id, as of an account; no account has the same one."""
    copy: Field[Mapping[str, str]]
    """Rules of copying that its members share, by key."""
    owner: Field[ConfigOwner]
    """Who has it; said in answers only, as all that follows."""
    account_ids: Field[tuple[str, ...]]
    """The accounts that belong to it."""
    etag: Field[str]
    """As of an account."""
    created_at: Field[datetime | None]
    """When it was created, and last changed, over the API."""
    changed_at: Field[datetime | None]
    """See `created_at`."""
    changed_by: Field[str]
    """Who changed it last."""
    left_out: Field[str]
    """As of an account."""


class CreateGroupResponse(Value[control.CreateGroupResponse]):
    """What was created."""

    group: Field[GroupConfig]
    """As it is configured now; after `validate_only` as it would be."""
    applied: Field[bool]
    """True when it was applied; false where it was only validated."""
    accounts: Field[tuple[AccountChange, ...]]
    """Accounts that were added, removed or changed by it, and what follows for their processes."""
    kept: Field[tuple[str, ...]]
    """As of ReloadResponse."""
    warnings: Field[tuple[str, ...]]
    """What can be run so and is probably not meant, for people, a line each."""


class UpdateGroupResponse(Value[control.UpdateGroupResponse]):
    """What was changed."""

    group: Field[GroupConfig]
    """As it is configured now; after `validate_only` as it would be."""
    applied: Field[bool]
    """True when it was applied; false where it was only validated."""
    accounts: Field[tuple[AccountChange, ...]]
    """Accounts that were added, removed or changed by it, and what follows for their processes."""
    kept: Field[tuple[str, ...]]
    """As of ReloadResponse."""
    warnings: Field[tuple[str, ...]]
    """What can be run so and is probably not meant, for people, a line each."""


class DeleteGroupResponse(Value[control.DeleteGroupResponse]):
    """What was deleted."""

    group: Field[GroupConfig]
    """As it is configured now; after `validate_only` as it would be."""
    applied: Field[bool]
    """True when it was applied; false where it was only validated."""
    accounts: Field[tuple[AccountChange, ...]]
    """Accounts that were added, removed or changed by it, and what follows for their processes."""
    kept: Field[tuple[str, ...]]
    """As of ReloadResponse."""
    warnings: Field[tuple[str, ...]]
    """What can be run so and is probably not meant, for people, a line each."""


class RotateCredentialsResponse(Value[configuration.RotateCredentialsResponse]):
    """What came of it."""

    outcome: Field[RotationOutcome]
    """What came of it."""
    message: Field[str]
    """For people: which key (by fingerprint), which account it opens, what becomes of the nonce."""
    account: Field[Account | None]
    """The account as it stands now."""


class ConfigChange(Value[configuration.ConfigChange]):
    """One change over the API. It is kept for ever."""

    number: Field[int]
    """Its number, from 1 without gaps."""
    is_group: Field[bool]
    """Whether it is about a group; else about an account."""
    id: Field[str]
    """The account or group."""
    action: Field[ConfigAction]
    """What was done."""
    at: Field[datetime | None]
    """When."""
    changed_by: Field[str]
    """Who, in their own words."""
    principal: Field[str]
    """Who called, as the supervisor knows them."""
    request_id: Field[str]
    """The id of the request."""
    old_values: Field[Mapping[str, str]]
    """The fields that differ, by path ("copy.max_user_risk"), with what they were. Of a key: its
    fingerprint.
    """
    new_values: Field[Mapping[str, str]]
    """The same, with what they are."""
