"""Values of setting calls and what they hold. Made from the protos by tests/support/sdk.py."""

from __future__ import annotations

from krakencopy.client.sdk.field import Field
from krakencopy.client.sdk.generated.values.config import AccountChange, SettingChange
from krakencopy.client.sdk.value import Value
from krakencopy.v1 import control_pb2 as control


class SetSettingsResponse(Value[control.SetSettingsResponse]):
    """What was changed. Nothing in it means that all of it was so already."""

    applied: Field[bool]
    """True when it was applied; false where it was only validated."""
    settings: Field[tuple[SettingChange, ...]]
    """The target's settings that are others now, by key; values as they were set, or as the file says them
    there.
    """
    accounts: Field[tuple[AccountChange, ...]]
    """Accounts that go by other rules now."""
    kept: Field[tuple[str, ...]]
    """As of ReloadResponse."""
    warnings: Field[tuple[str, ...]]
    """What can be run so and is probably not meant, for people, a line each."""
