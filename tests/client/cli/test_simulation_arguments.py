"""What is asked of a simulation is checked before anything is read."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.client.cli.arguments import parse
from krakencopy.client.cli.main import main
from krakencopy.client.sdk.errors import BadInput

D = Decimal


def test_what_is_left_out_has_its_defaults() -> None:
    found = parse(["simulate", "--config", "new.toml"])
    assert (found.accounts, found.capital, found.taker, found.since) == ([], [], D("0.40"), None)
    assert parse(["forecast", "anna", "--config", "a.toml"]).fills == 200


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("anna=1000", ("anna", D(1000), "USD")),
        ("anna=0.5 btc", ("anna", D("0.5"), "BTC")),
        ("a-b=7 EUR", ("a-b", D(7), "EUR")),
    ],
)
def test_capital_is_an_amount_of_dollars_or_of_what_it_says(
    text: str, means: tuple[str, Decimal, str]
) -> None:
    assert parse(["simulate", "--config", "c", "--capital", text]).capital == [means]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["simulate"], "--config"),
        (["forecast", "--config", "c"], "ID"),
        (["simulate", "--config", "c", "--capital", "anna"], "no ID=AMOUNT"),
        (["simulate", "--config", "c", "--capital", "=5"], "no ID=AMOUNT"),
        (["simulate", "--config", "c", "--capital", "anna=0"], "not above zero"),
        (["simulate", "--config", "c", "--capital", "anna=1e3"], "write 1000"),
        (["simulate", "--config", "c", "--taker", "11"], "at most 10"),
        (["simulate", "--config", "c", "--taker", "-1"], "-1"),
        (["simulate", "--config", "c", "--since", "1h", "--until", "2h"], "not before"),
        (["forecast", "a", "--config", "c", "--fills", "0"], "1 to 10000"),
        (["forecast", "a", "--config", "c", "--fills", "10001"], "1 to 10000"),
    ],
)
def test_what_makes_no_sense_is_refused(words: list[str], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        parse(words)


@pytest.mark.parametrize("taker", ["0", "10"])
def test_the_edges_of_the_fee_are_taken(taker: str) -> None:
    assert parse(["simulate", "--config", "c", "--taker", taker]).taker == D(taker)


@pytest.mark.parametrize("command", ["simulate", "forecast anna"])
def test_a_folder_that_cannot_be_read_is_said(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*command.split(), "--state-dir", str(tmp_path), "--config", "c.toml"]
    assert main(words) == 3
    assert "is no state folder" in capsys.readouterr().err
    (tmp_path / "journal.db").write_text("no journal at all")
    assert main(words) == 1
    assert "journal.db cannot be read" in capsys.readouterr().err
