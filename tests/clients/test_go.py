"""A client in Go, generated, compiled and run as an integrator would, by gRPC against the real daemon."""

from __future__ import annotations

import pytest

from tests.clients.generated import NotAtHand, built_go
from tests.clients.played import play_by_grpc
from tests.support.system import System


def test_by_grpc_against_the_real_daemon(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> None:
    try:
        client = built_go(tmp_path_factory.mktemp("go"))
    except NotAtHand as error:
        pytest.skip(f"no client in Go was built: {error}")
    system: System = request.getfixturevalue("system")
    play_by_grpc(client, system)


def test_what_is_missing_is_said(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NotAtHand, match=r"there is no go \(apt-get install golang-go"):
        built_go(tmp_path_factory.mktemp("go"))
