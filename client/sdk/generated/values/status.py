"""Values of status calls and what they hold. Made from the protos by tests/support/sdk.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from krakencopy.client.sdk.field import Field
from krakencopy.client.sdk.generated.enums import ConfigOwner
from krakencopy.client.sdk.generated.values.account import Account
from krakencopy.client.sdk.generated.values.config import AccountChange, SettingChange
from krakencopy.client.sdk.value import Value
from krakencopy.v1 import control_pb2 as control


class ExchangeStatus(Value[control.ExchangeStatus]):
    """Where orders go."""

    mode: Field[str]
    """As text: "paper" or "live"."""
    rest_url: Field[str]
    """Base URL of the REST API."""
    ws_url: Field[str]
    """URL of the WebSocket v2 API."""


class CopyCounts(Value[control.CopyCounts]):
    """Copies by how they stand."""

    filled: Field[int]
    """Ended with the whole ordered volume filled."""
    part_filled: Field[int]
    """Ended with a part filled."""
    rejected: Field[int]
    """Refused by the exchange."""
    skipped: Field[int]
    """Not copied, with a reason."""
    carried: Field[int]
    """Too small alone; the volume waits or was ordered with a later fill."""
    open: Field[int]
    """The end is not known yet."""
    capped: Field[int]
    """Of all sized entries: those where the risk cap cut the volume."""
    sized_entries: Field[int]
    """Entries that were sized and ordered (carried ones count with the copy that they joined)."""


class Group(Value[control.Group]):
    """A group of accounts."""

    id: Field[str]
    """The id from the configuration."""
    account_ids: Field[tuple[str, ...]]
    """The accounts that belong to it."""
    owner: Field[ConfigOwner]
    """Who has configured it."""


class KeptSetting(Value[control.KeptSetting]):
    """A value that was set while running and not taken back."""

    target: Field[str]
    """The account or group that it was set for; empty for all."""
    key: Field[str]
    """The key of the copy rules, e.g. "max_user_risk"."""
    value: Field[str]
    """The value as it was set."""
    set_by: Field[str]
    """Who set it, in their own words."""
    set_at: Field[datetime]
    """When."""
    without_effect: Field[str]
    """Why it has no effect now, for people; empty where it has."""


class GetStatusResponse(Value[control.GetStatusResponse]):
    """The whole system on one page."""

    ready: Field[bool]
    """True when the master and every user that should run are RUNNING."""
    message: Field[str]
    """Why not, for people; empty when ready."""
    version: Field[str]
    """The supervisor's version."""
    pid: Field[int]
    """The supervisor's process id."""
    epoch: Field[int]
    """The supervisor's run, from 1; grows with each start on the same state folder."""
    started_at: Field[datetime]
    """When the supervisor started."""
    exchange: Field[ExchangeStatus]
    """Where orders go."""
    accounts: Field[tuple[Account, ...]]
    """All accounts, the master first, then by id."""
    head_seq: Field[int]
    """The journal's last fill."""
    copies: Field[CopyCounts]
    """What became of the fills, over all users."""
    head_change: Field[int]
    """The journal's last change of a copy: WatchCopies from here misses nothing."""
    head_event: Field[int]
    """The journal's last event: WatchEvents from here misses nothing."""
    pairs: Field[tuple[str, ...]]
    """The pairs of the fills in the journal, e.g. "BTC/USD", by name."""
    groups: Field[tuple[Group, ...]]
    """The groups of the configuration, in its order."""
    settings: Field[tuple[KeptSetting, ...]]
    """Values that were set while running, by target and key."""
    shadow_copies: Field[CopyCounts]
    """Those of shadows, which are not in `copies`."""


class AccountReport(Value[control.AccountReport]):
    """What one user made of the fills. Each fill since it joined is in one of these: `fills` is the sum of
    the first six of `copies`, `merged` and `unanswered`.
    """

    account_id: Field[str]
    """The user."""
    copies: Field[CopyCounts]
    """Copies by how they stand, as far as they answer fills."""
    fills: Field[int]
    """Fills since the user joined."""
    unanswered: Field[int]
    """Fills since the user joined that it has no copy for."""
    reasons: Field[Mapping[str, int]]
    """Skipped, rejected and carried copies by reason code."""
    bought: Field[Mapping[str, Decimal]]
    """Bought by copying, in quote, by quote asset."""
    sold: Field[Mapping[str, Decimal]]
    """Sold by copying, in quote, by quote asset."""
    fees: Field[Mapping[str, Decimal]]
    """Fees paid by copying, by asset."""
    latency_median: Field[timedelta | None]
    """From the master's process receiving the fill to the user's order leaving: median."""
    latency_p99: Field[timedelta | None]
    """The same: 99th percentile."""
    removed: Field[bool]
    """True for a user that is not configured any more. Its fills are counted up to the last one that it
    took.
    """
    merged: Field[int]
    """Fills that went with the order of another one, as they came while it had to wait: only the first fill
    of a copy is counted in `copies`.
    """
    without_fill: Field[CopyCounts]
    """Copies that answer no fill: exits that were owed and left later, syncs, orders that were found. They
    are not part of the sum.
    """
    caps: Field[Mapping[str, int]]
    """Copies that a cap has cut, or left nothing for, by the cap's key."""
    shadow: Field[bool]
    """Whether the user is a shadow: nothing of it was really traded."""
    sources: Field[Mapping[str, int]]
    """Copies that follow from no fill, by what they follow from (`Copy.source`); of the last 20."""


class GetReportResponse(Value[control.GetReportResponse]):
    """What became of every fill at every user."""

    fills: Field[int]
    """How many fills the journal has."""
    accounts: Field[tuple[AccountReport, ...]]
    """One line for each user, then one for each that is not configured any more."""
    unanswered: Field[int]
    """How often a user has no answer to a fill yet, over all users."""
    on_their_way: Field[int]
    """Fills that some user has no answer to, or an answer without an end; each is counted once, however many
    users it waits for.
    """
    since: Field[datetime | None]
    """As asked for: a server that does not know them reports on all fills, and leaves these out."""
    until: Field[datetime | None]
    """The same."""


class ReloadResponse(Value[control.ReloadResponse]):
    """What the new configuration changes. Nothing in it means that nothing has changed."""

    applied: Field[bool]
    """True when it was applied; false after a dry run."""
    source: Field[str]
    """The file that was read."""
    accounts: Field[tuple[AccountChange, ...]]
    """Accounts that were added, removed or changed, in this order, each by id."""
    settings: Field[tuple[SettingChange, ...]]
    """Settings of the supervisor itself; these hold at once."""
    kept: Field[tuple[str, ...]]
    """Values that were set while running: which differ from this file, and which it leaves without effect.
    For people, a line each.
    """


class ShutdownResponse(Value[control.ShutdownResponse]):
    """The shutdown has begun."""
