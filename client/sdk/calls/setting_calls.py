"""The call about settings: values of the copy rules that hold in the place of the file's."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from krakencopy.client.sdk.call import Ask, whole
from krakencopy.client.sdk.errors import BadInput
from krakencopy.v1 import control_pb2 as pb


def set_settings(
    settings: Mapping[str, str],
    *,
    target: str = "",
    everyone: bool = False,
    validate_only: bool = False,
    set_by: str = "",
    request_id: str = "",
    timeout_s: float | None = None,
) -> Ask[pb.SetSettingsResponse, pb.SetSettingsResponse]:
    """Change values of the copy rules of an account or a group (``target``), or those for all (``everyone``),
    until they are taken back: an empty value lets the file's hold again.

    Values are written as in the file, without the quotes of a text. With ``validate_only`` nothing is
    changed. ``set_by``: who asks, for the record. Raises NotFound, Refused for an account that does not copy,
    BadInput with a line for each fault.
    """
    if bool(target) == everyone:
        raise BadInput("set_settings wants either a target or everyone")
    request = pb.SetSettingsRequest(
        request_id=request_id or str(uuid.uuid4()), settings=settings, validate_only=validate_only,
        set_by=set_by, **({"all": True} if everyone else {"id": target}),
    )  # fmt: skip
    return Ask(request, pb.SetSettingsResponse, whole, timeout_s)
