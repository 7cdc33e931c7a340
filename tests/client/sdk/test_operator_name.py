from __future__ import annotations

import os
import pwd
from typing import NoReturn

import pytest

from krakencopy.client.sdk.operator_name import operator_name


def test_it_is_the_machine_user_or_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    assert operator_name() == f"operator {pwd.getpwuid(os.getuid()).pw_name}"

    def unknown(_: int) -> NoReturn:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert operator_name() == f"operator {os.getuid()}"
