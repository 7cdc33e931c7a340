"""`krakencopy simulate` beside a system that runs: by the rules that hold it finds what was really done, by
others what they say; it opens no file of nonces, calls nobody and changes nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.reloaded_system import Reloaded
from tests.support.system import Paper, wait_for

USERS = {"anna": "1000", "ben": "100"}
#: Ben's caps, which cut some of what is traded below.
BEN = 'copy = { max_daily_notional = "8 USD", max_orders_per_day = 3, exclude = ["ETH/*"] }'


@pytest.fixture(scope="module")
def system() -> Iterator[Reloaded]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        paper.price("ETHUSD", "2000")
        with Reloaded(paper, USERS) as made:
            made.add("ben", BEN)
            made.start().wait_ready()
            _trade(made, paper)
            yield made


def _trade(system: Reloaded, paper: Paper) -> None:
    """A scripted day: prices move, entries are capped, carried, skipped and excluded, parts are sold, an exit
    is refused and owed, and somebody lets one user only exit for a while.
    """
    fills = 0
    for side, pair, volume, price in (
        ("buy", "XBTUSD", "0.002", "50000"), ("buy", "ETHUSD", "0.05", "2000"),
        ("buy", "XBTUSD", "0.001", "51000"), ("sell", "XBTUSD", "0.001", "49000"),
        ("buy", "XBTUSD", "0.0003", "48000"), ("sell", "ETHUSD", "0.05", "2200"),
    ):  # fmt: skip
        paper.price(pair, price)
        fills += 1
        _order(system, side, pair, volume, fills)
    system.types("exit-only ben")
    _order(system, "buy", "XBTUSD", "0.0004", fills + 1)
    system.types("resume ben")
    paper.call(
        "POST", "/faults", kind="error", account="anna", method="AddOrder", error="EOrder:No way", count=2
    )
    _order(system, "sell", "XBTUSD", "0.0007", fills + 2)
    wait_for(
        "an exit that was owed and is sold",
        lambda: "x" in {each.copy_id[0] for each in system.copies("anna")},
    )
    system.settled(fills + 2)


def _order(system: Reloaded, side: str, pair: str, volume: str, fills: int) -> None:
    (system.buy if side == "buy" else system.sell)(pair, volume)
    system.settled(fills)


def simulated(system: Reloaded, config: Path, *words: str) -> dict[str, Any]:
    line = " ".join(("simulate", "--config", str(config), "-o", "json", *words))
    found: dict[str, Any] = json.loads(system.types(line))
    return found


def changed(system: Reloaded, old: str, new: str) -> Path:
    text = (system.folder / "krakencopy.toml").read_text()
    assert old in text
    path = system.folder / "new.toml"
    path.write_text(text.replace(old, new))
    return path


def test_limits_of_other_settings_stop_nothing_and_say_when_they_would_have_been_hit(
    system: Reloaded,
) -> None:
    text = (system.folder / "krakencopy.toml").read_text()
    path = system.folder / "new.toml"
    limit_of_all = 'metric = "equity"\nwindow = "lifetime"\nmax_loss = "0.10 USD"\naction = "halted"'
    path.write_text(f"{text}\n[[copy.limits]]\n{limit_of_all}\n")
    anna = simulated(system, path, "--account", "anna")["accounts"][0]
    assert anna["simulated"] == anna["real"]
    (limit,) = anna["limits"]
    assert limit["state"] == "LIMIT_STATE_HIT"
    assert "lost of at most 0.10 USD" in limit["message"] or "lost of at most 0.1 USD" in limit["message"]
    shown = system.types(f"simulate --config {path} --account anna")
    assert "would have been hit first at" in shown
    assert "limits to losses stop and sell nothing here" in shown


def test_a_time_without_fills_has_nothing_and_what_cannot_be_is_refused(system: Reloaded) -> None:
    config = system.folder / "krakencopy.toml"
    found = simulated(system, config, "--since", "2001-01-01T00:00:00Z", "--until", "2001-01-02T00:00:00Z")
    assert found["fills"] == "0"
    assert {account["simulated"]["copies"] for account in found["accounts"]} == {"0"}
    line = f"simulate --config {config}"
    assert "has no user zoe" in system.types(f"{line} --account zoe", expect=1)
    assert "is still to come" in system.types(f"{line} --since 2100-01-01T00:00:00Z", expect=3)
    alone = system.folder / "alone.toml"
    alone.write_text(config.read_text().partition('[[accounts]]\nid = "anna"')[0])
    assert "has no users" in system.types(f"simulate --config {alone}", expect=1)


def test_the_same_rules_find_what_was_really_done(system: Reloaded) -> None:
    found = simulated(system, system.folder / "krakencopy.toml")
    for account in (*found["accounts"], found["sum"]):
        assert account["simulated"] == account["real"]
        assert account.get("assumptions") == []
    anna, ben = found["accounts"]
    assert (anna["real"]["orders"], anna["real"]["filled"]) == ("9", "8")
    assert anna["real"]["rejected"] == [{"reason": "EOrder:No way", "copies": "1"}]
    assert {each["reason"] for each in ben["real"]["skipped"]} >= {"PAIR_EXCLUDED", "TRADING_REDUCING"}
    assert ben["real"]["capped"], "the script reaches no cap"
    assert found["fills"] == "8"


def test_other_rules_are_another_column(system: Reloaded) -> None:
    path = changed(system, BEN, 'copy = { multiplier = "0.5", exclude = ["ETH/*"] }')
    found = simulated(system, path, "--account", "ben")
    (ben,) = found["accounts"]
    assert ben["simulated"]["capped"] == []
    page = system.types(f"simulate --config {path} --account ben")
    assert "DIFFERENCE" in page
    assert "capped: max_daily_notional" in page


def test_a_user_that_was_not_there_needs_its_capital(system: Reloaded) -> None:
    path = system.folder / "new.toml"
    tail = '\n[[accounts]]\nid = "cora"\nrole = "user"\nbroker = "kraken"\ntier = "unlimited"\n'
    path.write_text((system.folder / "krakencopy.toml").read_text() + tail)
    refused = system.types(f"simulate --config {path}", expect=3)
    assert "--capital cora=AMOUNT" in refused
    found = simulated(system, path, "--capital", "cora=1000", "--account", "cora")
    (cora,) = found["accounts"]
    assert "real" not in cora
    assert cora["simulated"]["orders"] == "8"
    assert "it begins with 1000 USD" in cora["assumptions"][0]


def test_a_value_that_was_set_while_running_holds_as_at_a_start(system: Reloaded) -> None:
    system.types("set anna multiplier=2")
    try:
        found = simulated(system, system.folder / "krakencopy.toml", "--account", "anna")
    finally:
        system.types("set anna --unset multiplier")
    (anna,) = found["accounts"]
    assert anna["simulated"]["bought"] != anna["real"]["bought"]
    assert anna["assumptions"] == [
        "multiplier = 2 was set for anna while running, and holds in the place of the file's"
    ]


def test_a_forecast_is_by_the_balance_of_now(system: Reloaded) -> None:
    config = system.folder / "krakencopy.toml"
    found = json.loads(system.types(f"forecast anna --config {config} -o json"))
    shares = {share["kind"]: share for share in found["shares"]}
    # Two entries of 100 USD are at the cap, a tenth of what it has.
    assert {kind: share["fills"] for kind, share in shares.items()} == {
        "copied": "6", "capped": "2", "carried": "0", "skipped": "0",
    }  # fmt: skip
    assert shares["copied"]["share_of_fills"] == "0.75"
    assert shares["capped"]["reasons"] == [{"reason": "max_user_risk", "copies": "2"}]
    assert [money["asset"] for money in found["begun_with"]] == ["USD"]
    # The smallest entry is 0.0003 BTC of a master of 1000 USD, and the exchange takes no less than 0.00005.
    assert 160 < float(found["faithful_balance"]) < 175
    assert not any("taker" in each for each in found["assumptions"]), "it has paid fees here"
    page = system.types(f"forecast ben --config {config} --fills 7")
    assert "ben by 7 fills since" in page
    assert "PAIR_EXCLUDED" in page
    other = f"forecast anna --config {config} --capital ben=5"
    assert "--capital: ben is none of the users" in system.types(other, expect=1)
    assert "nobody" in system.types(f"forecast nobody --config {config}", expect=1)
    assert "no fills" in system.types(f"forecast anna --config {config} --until 2020-01-01", expect=1)


def test_a_configuration_that_could_not_be_started_with_is_refused(system: Reloaded) -> None:
    path = changed(system, BEN, "copy = { max_user_risk = 2 }")
    refused = system.types(f"simulate --config {path}", expect=78)
    assert "max_user_risk" in refused
    assert "nothing was simulated" in refused


def test_it_opens_no_file_of_nonces_calls_nobody_and_writes_nothing(system: Reloaded) -> None:
    seen: list[tuple[str, Any]] = []
    watching = [True]

    def watch(event: str, arguments: Any) -> None:
        if watching[0] and event in {"open", "socket.connect", "os.rename", "os.remove"}:
            seen.append((event, arguments))

    sys.addaudithook(watch)
    before = sorted(path for path in system.state_dir.rglob("*") if path.is_file())
    simulated(system, system.folder / "krakencopy.toml")
    watching[0] = False
    assert [event for event, _ in seen if event != "open"] == []
    opened = [str(arguments[0]) for _, arguments in seen]
    assert opened, "nothing was seen"
    assert [path for path in opened if "nonce" in path] == []
    assert sorted(path for path in system.state_dir.rglob("*") if path.is_file()) == before
