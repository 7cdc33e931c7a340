"""Settings are for one target, or for all."""

from __future__ import annotations

import pytest

from krakencopy.client import BadInput
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import control_pb2 as pb
from tests.support.scripted_supervisor import Scripted


def test_settings_are_for_one_target_or_for_all(sdk: MessageClient, supervisor: Scripted) -> None:
    sdk.set_settings({"order": "market"}, everyone=True, set_by="ida", validate_only=True)
    [request] = supervisor.requests(pb.SetSettingsRequest)
    assert (request.all, request.id, request.set_by, request.validate_only) == (True, "", "ida", True)
    for wrong in ({}, {"target": "bob", "everyone": True}):
        with pytest.raises(BadInput, match="either a target or everyone"):
            sdk.set_settings({"order": "market"}, **wrong)  # type: ignore[arg-type]
    assert len(supervisor.requests(pb.SetSettingsRequest)) == 1
