"""From which files accounts of the API may have their keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from krakencopy.supervisor.config.credential_folders import NotPermitted, folders_of, permitted_file
from krakencopy.supervisor.config.reader import parse
from tests.support.config_texts import MASTER, PAPER, the_fault_of


def test_the_configuration_names_folders_or_it_is_one_of_the_state_folder() -> None:
    state = Path("/state")
    assert folders_of(parse(f"{PAPER}{MASTER}", "c"), state) == (state / "credentials",)
    text = f'[control]\ncredential_sources = ["/a", "/b/c"]\n{PAPER}{MASTER}'
    assert folders_of(parse(text, "c"), state) == (Path("/a"), Path("/b/c"))


@pytest.mark.parametrize("folder", ["keys", "/a/../b"])
def test_only_whole_paths_are_taken(folder: str) -> None:
    where, line = the_fault_of(f'{PAPER}{MASTER}[control]\ncredential_sources = ["{folder}"]\n')
    assert where == "control.credential_sources"
    assert "write folders with their whole path" in line


def test_a_file_is_below_one_of_the_folders_wherever_links_lead(tmp_path: Path) -> None:
    keys, others = tmp_path / "keys", tmp_path / "others"
    (keys / "eu").mkdir(parents=True)
    others.mkdir()
    (keys / "out").symlink_to(others)
    (tmp_path / "in").symlink_to(keys / "eu")
    folders = [keys, tmp_path / "more"]
    assert permitted_file("anna.key", folders) == keys / "anna.key"
    assert permitted_file("eu/anna.key", folders) == keys / "eu" / "anna.key"
    assert permitted_file(f"{tmp_path}/in/anna.key", folders) == keys / "eu" / "anna.key"
    assert permitted_file(f"{tmp_path}/more/x", folders) == tmp_path / "more" / "x"
    for bad in (
        "../others/x", f"{others}/x", "out/x", f"{keys}/../others/x", "/", "", "a\0b",
        f"{keys}", f"{keys}x/y",
    ):  # fmt: skip
        with pytest.raises(NotPermitted, match="put the file below"):
            permitted_file(bad, folders)
