"""The wheel holds everything: stubs, protos, all packages, and working commands."""

from __future__ import annotations

import os
import re
import select
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.system import ROOT
from tests.support.two_hosts import other_host, why_not


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
        "krakencopy.client.sdk.generated.values.order.PlaceOrderResponse",
        "list[decimal.Decimal]",
    ], checked.stdout
    assert checked.returncode == 0, checked.stdout


def test_what_is_imported_is_the_wheels_own_code(environment: Path, tmp_path: Path) -> None:
    script = (
        "import krakencopy.supervisor.run, krakencopy.client.sdk.message_client, "
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


# -- docs/first-half-hour.md -------------------------------------------------------------------------------


HALF_HOUR = (ROOT / "docs" / "first-half-hour.md").read_text()
#: What the page writes for the server, and its port.
SERVER, PORT = "192.0.2.10", "7443"


class Host:
    """A machine on which lines of the page are run, with the wheel in its environment."""

    def __init__(self, folder: Path, environment: Path, words: dict[str, str], there: Sequence[str]) -> None:
        self.folder, self._words, self._there = folder, words, there
        folder.mkdir()
        (folder / "env").symlink_to(environment)

    def text(self, written: str) -> str:
        for word, here in self._words.items():
            written = written.replace(word, here)
        return written

    def begin(self, line: str) -> subprocess.Popen[str]:
        """A line that does not end by itself."""
        command = [*self._there, "/bin/sh", "-c", f"exec {self.text(line).removesuffix('&')}"]
        unset = {name: value for name, value in os.environ.items() if not name.startswith("KRAKEN")}
        return subprocess.Popen(
            command, cwd=self.folder, env=unset | {"HOME": str(self.folder)}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, line: str) -> str:
        """What it prints."""
        process = self.begin(line)
        output, errors = process.communicate(timeout=150)
        assert process.returncode == 0, f"{line}: {output}{errors}"
        return output


def lines_of(block: str) -> list[str]:
    return block.replace("\\\n", "").splitlines()


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], 60)[0], "waited 60 s in vain for a line"
    line = process.stdout.readline()
    assert line, f"it has ended: {process.communicate(timeout=60)[1]}"
    return line


def test_the_first_half_hour(environment: Path) -> None:
    if lacking := why_not():
        pytest.skip(lacking)
    install, start, trade, let_in, look, watch, out = re.findall(
        r"^```sh\n(.*?)^```$", HALF_HOUR, re.MULTILINE | re.DOTALL
    )
    (toml,) = re.findall(r"^```toml\n(.*?)^```$", HALF_HOUR, re.MULTILINE | re.DOTALL)
    (script,) = re.findall(r"^```python\n(.*?)^```$", HALF_HOUR, re.MULTILINE | re.DOTALL)
    # Both environments are the one of this module, whose dependencies come from ours.
    for block in (install, look):
        venv, pip, *_ = lines_of(block)
        assert (venv, pip.startswith("env/bin/pip install ")) == ("python3.11 -m venv env", True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    folder = Path(tempfile.mkdtemp(prefix="kc"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        host = stack.enter_context(other_host())
        words = {SERVER: host.address, PORT: port}
        server = Host(folder / "server", environment, words, ())
        other = Host(folder / "other", environment, words, host.there)
        (server.folder / "krakencopy.toml").write_text(server.text(toml))
        daemon_line, *rest = lines_of(start)
        daemon = stack.enter_context(server.begin(daemon_line))
        stack.callback(daemon.kill)
        for line in (*rest, *lines_of(trade)):
            server.run(line)
        assert "mirror.key" in server.run(let_in.strip())
        shutil.copytree(server.folder / "mirror", other.folder / "mirror")
        assert "viewer" in other.run(lines_of(look)[2])
        (other.folder / "watch.py").write_text(other.text(script))
        with other.begin(watch.strip()) as watching, ExitStack() as ending:
            ending.callback(watching.kill)
            assert read_line(watching).startswith("1 BUY 0.01")
            server.run("env/bin/krakencopy order sell BTC/USD 0.01")
            assert read_line(watching).startswith("2 SELL 0.01")
            revoke, audit, shutdown = lines_of(out)
            server.run(revoke)
            _, errors = watching.communicate(timeout=60)
            assert watching.returncode != 0
            assert "revoked" in errors.splitlines()[-1]
        assert "RevokePrincipal" in server.run(audit)
        server.run(shutdown)
        daemon.communicate(timeout=60)
        assert daemon.returncode == 0
