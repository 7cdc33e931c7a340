"""A change that is refused says why by a stable reason, and names the fields that are wrong."""

from __future__ import annotations

from typing import Any, cast

import grpc
import pytest
from google.rpc import code_pb2, error_details_pb2, status_pb2

from krakencopy.supervisor.config.toml_table import ConfigFault, ConfigFaults
from krakencopy.supervisor.control.call_answerer import CallContext
from krakencopy.supervisor.control.call_status import Refused
from krakencopy.supervisor.control.change_refused import (
    FAULTS_MAX,
    ChangeRefused,
    fault_lines,
    refuse_change,
)
from krakencopy.supervisor.control.principals import Principal, Role
from tests.support.front import run


def test_as_many_faults_are_shown_as_headers_take() -> None:
    faults = [ConfigFault("c.toml", f"key{number}", "is bad", "mend it") for number in range(FAULTS_MAX + 2)]
    assert fault_lines(ConfigFaults(faults[:2])).splitlines() == [str(faults[0]), str(faults[1])]
    lines = fault_lines(ConfigFaults(faults)).splitlines()
    assert (len(lines), lines[-1]) == (FAULTS_MAX + 1, "2 more")


@pytest.mark.parametrize(("reason", "code"), [("GONE", code_pb2.NOT_FOUND), ("ELSE", code_pb2.ABORTED)])
def test_a_reason_has_its_code_or_that_of_all_others(reason: str, code: int) -> None:
    refused = ChangeRefused(reason, "one\ntwo", {"settings[x]": "is no key"})
    context = cast("Any", CallContext(Principal("ida", Role.ADMIN)))
    codes = {"GONE": grpc.StatusCode.NOT_FOUND}
    with pytest.raises(Refused) as raised:
        run(refuse_change(refused, context, codes, grpc.StatusCode.ABORTED))
    status = status_pb2.Status.FromString(raised.value.encoded)
    assert (status.code, status.message) == (code, "one\ntwo")
    bad = error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad) for detail in status.details)
    assert [one.field for one in bad.field_violations] == ["settings[x]"]
