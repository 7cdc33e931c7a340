"""The wheel holds everything: stubs, protos, all packages, and working commands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.support.system import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True, capture_output=True, cwd=folder,
    )  # fmt: skip
    (found,) = folder.glob("krakencopy-*.whl")
    return found


def test_a_checkout_without_stubs_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    checkout, out = tmp_path / "checkout", tmp_path / "dist"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(checkout)], check=True)
    # What is not committed yet counts as well.
    for changed in ("pyproject.toml", "protos/krakencopy_build.py"):
        shutil.copy(ROOT / changed, checkout / changed)
    assert not list((checkout / "protos").rglob("*_pb2*"))
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(checkout)],
        check=True, capture_output=True, cwd=tmp_path, env=os.environ | {"PATH": _with_tools()},
    )  # fmt: skip
    (found,) = out.glob("krakencopy-*.whl")

    def stubs(path: Path) -> set[str]:
        return {name for name in zipfile.ZipFile(path).namelist() if "_pb2" in name}

    assert stubs(found) == stubs(wheel) != set()


def _with_tools() -> str:
    """A PATH with the plugins of protoc that are installed with us."""
    return f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment with the wheel. Its dependencies are borrowed from ours, which are locked;
    nothing else is.
    """
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True
    )
    borrowed = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (borrowed / "zz_borrowed.pth").write_text(sysconfig.get_paths()["purelib"])
    return folder


def test_stubs_and_protos_are_in_the_wheel_and_tests_are_not(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for stem in ("types", "control", "account"):
        for suffix in (".proto", "_pb2.py", "_pb2.pyi", "_pb2_grpc.py"):
            assert f"krakencopy/v1/{stem}{suffix}" in names
    for package in ("supervisor", "account_proc", "client", "paper_exchange"):
        assert f"krakencopy/{package}/__init__.py" in names
    assert {"krakencopy/__init__.py", "krakencopy/py.typed"} <= names
    assert any(name.endswith(".dist-info/licenses/docs/LICENSE") for name in names)
    top = {name.partition("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"krakencopy"}


def pins(lock: str) -> set[str]:
    return set(re.findall(r"^[a-z0-9-]+==[^ ]+", (ROOT / lock).read_text(), re.MULTILINE))


def test_what_make_run_installs_is_a_part_of_what_is_tested_and_holds_all_that_running_needs() -> None:
    run = pins(".requirements-run.lock")
    assert run < pins(".requirements.lock")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {*project["dependencies"], *project["optional-dependencies"]["stubs"]}
    assert {need.partition(">")[0] for need in needed} <= {pin.partition("=")[0] for pin in run}
    assert not {"pytest", "mypy", "ruff", "ccxt"} & {pin.partition("=")[0] for pin in run}


@pytest.mark.parametrize(
    "command",
    [
        ["bin/krakencopy", "--help"],
        ["bin/krakencopyd", "--help"],
        ["bin/python", "-m", "krakencopy.paper_exchange", "--help"],
    ],
)
def test_the_installed_commands_work_away_from_the_checkout(
    environment: Path, tmp_path: Path, command: list[str]
) -> None:
    done = subprocess.run(
        [str(environment / command[0]), *command[1:]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout


INTEGRATOR = """
from decimal import Decimal

from krakencopy import KrakenCopy

with KrakenCopy("unix:data/run/control.sock") as supervisor:
    reveal_type(supervisor)
    reveal_type(supervisor.get_status().ready)
    reveal_type(supervisor.place_order("buy", "BTC/USD", Decimal("0.002"), request_id="one"))
    reveal_type([fill.price for fill in supervisor.list_fills()])
"""


def test_an_integrators_code_is_typed_and_no_name_of_others_is_taken(
    environment: Path, tmp_path: Path
) -> None:
    # The process manager of the name supervisor, and a module of the integrator's own, beside ours.
    other = environment / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (other / "supervisor").mkdir()
    (other / "supervisor" / "__init__.py").write_text("WHOSE = 'another project'\n")
    (tmp_path / "client.py").write_text("WHOSE = 'the integrator'\n")
    (tmp_path / "mine.py").write_text(INTEGRATOR)
    (tmp_path / "mypy.ini").write_text("[mypy]\n")
    python = str(environment / "bin/python")
    script = (
        "import client, supervisor, krakencopy.client, krakencopy.supervisor.daemon; "
        "print(client.WHOSE, supervisor.WHOSE)"
    )
    done = subprocess.run([python, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("the integrator another project\n", "")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "mine.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    revealed = [
        line.partition("Revealed type is ")[2].strip('"')
        for line in checked.stdout.splitlines()
        if "Revealed type is" in line
    ]
    assert revealed == [
        "krakencopy.client.sdk.sync_client.KrakenCopy",
        "bool",
        "krakencopy.client.sdk.generated.values.PlaceOrderResponse",
        "list[decimal.Decimal]",
    ], checked.stdout
    assert checked.returncode == 0, checked.stdout


def test_what_is_imported_is_the_wheels_own_code(environment: Path, tmp_path: Path) -> None:
    script = (
        "import krakencopy.supervisor.run, krakencopy.client.sdk.client, "
        "krakencopy.account_proc.main, krakencopy.paper_exchange.server, krakencopy.v1.control_pb2 as c; "
    )
    script += "print(krakencopy.supervisor.run.__file__, c.__file__)"
    done = subprocess.run(
        [str(environment / "bin/python"), "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(path.startswith(str(environment)) for path in done.stdout.split())
