"""A short campaign with real processes, and that a campaign can be drawn, kept and played again."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from tests.chaos import campaign, plan
from tests.chaos.plan import Action, Batch
from tests.chaos.situations import ALL

#: Printed with every failure; another one is as good: make chaos SEED=... ROUNDS=12.
SEED = 4
ROUNDS, USERS = 12, 6
#: Where a clock is set, judges cannot go by times, and less is checked.
JUDGED_WHOLE = tuple(name for name in ALL if name != "clock_steps")


def test_a_short_campaign_loses_doubles_and_distorts_nothing(tmp_path: Path) -> None:
    told: list[str] = []
    keeping = campaign.Keeping(origin=f"--seed {SEED} --rounds {ROUNDS} --users {USERS}", folder=tmp_path)
    worlds = plan.campaign(SEED, ROUNDS, USERS, situations=JUDGED_WHOLE)
    outcome = campaign.run(worlds, keeping, told.append)
    story = "\n".join([f"seed {SEED}", *told, *campaign.table(outcome)])
    assert outcome.findings == [], story
    assert outcome.rounds == ROUNDS
    # A campaign in which nothing happened, or nothing could be checked, proves nothing.
    assert outcome.exact > outcome.bounded, story
    assert any(name.startswith("kill") for name in outcome.tally.blows), story
    assert sum(outcome.tally.faults_fired.values()) > 0, story


def test_the_same_seed_draws_the_same_campaign_and_another_one_does_not() -> None:
    assert plan.campaign(7, 30) == plan.campaign(7, 30)
    assert plan.campaign(7, 30) != plan.campaign(8, 30)


def test_every_round_is_played_once() -> None:
    worlds = plan.campaign(1, 217)
    rounds = [number for world in worlds for batch in world.batches for number in batch.rounds]
    assert rounds == list(range(1, 218))
    assert [len(world.batches) for world in worlds] == [20, 20, 4]


def test_a_world_that_is_kept_is_played_again_as_it_was() -> None:
    (world,) = plan.campaign(3, 20)
    assert plan.from_json(plan.to_json(world)) == world


def test_what_is_left_of_a_world_goes_on_at_its_prices() -> None:
    (world,) = plan.campaign(7, 100, 3)
    left = world.after(10)
    assert left.batches == world.batches[10:]
    moved = [
        action.detail
        for batch in world.batches[:10]
        for action in batch.actions
        if action.kind == "price" and action.detail["pair"] == "BTC/EUR"
    ]
    assert left.prices["BTC/EUR"] == Decimal(moved[-1]["bid"]) != world.prices["BTC/EUR"]
    assert left.prices.keys() == world.prices.keys()
    assert world.after(0) == world
    assert plan.from_json(plan.to_json(left)) == left


def test_a_fault_that_the_exchange_does_not_know_is_found_and_not_passed_over(tmp_path: Path) -> None:
    (world,) = plan.campaign(SEED, 1, 2, faults=False)
    strange = Action(at=0.1, round=1, kind="fault", account="u00", detail={"kind": "earthquake"})
    only = plan.World(
        number=1, users=world.users, batches=(Batch(number=1, rounds=(1,), actions=(strange,)),)
    )
    told: list[str] = []
    outcome = campaign.run([only], campaign.Keeping(origin="by hand", folder=tmp_path), told.append)
    assert [finding.validator for finding in outcome.findings] == ["campaign"]
    assert "earthquake" in outcome.findings[0].text
    (kept,) = outcome.kept
    assert plan.from_json((kept / "world.json").read_text()) == only
    assert str(kept) in "\n".join(told)


def test_each_situation_is_drawn_by_its_name() -> None:
    kinds = {
        "base_fees": "market",
        "master_money": "deposit",
        "converts": "convert",
        "earn": "move",
        "staking": "move",
        "holds": "hand_order",
        "unlisted": "listed",
        "clock_steps": "clock",
        "market_modes": "pair_status",
        "minimum_words": "house",
        "renames": "rename",
        "market_refused": "fault",
        "states": "say",
    }
    for name in ALL:
        worlds = plan.campaign(5, 300, 4, faults=False, situations=(name,))
        actions = [action for world in worlds for batch in world.batches for action in batch.actions]
        if name == "old_stock":
            assert any(len(world.master) > 1 for world in worlds)
        elif name == "loss_limits":
            assert any(user.loss_limits for world in worlds for user in world.users)
        elif name == "cross_pairs":
            assert any(action.detail.get("pair") == "ETH/BTC" for action in actions)
        else:
            assert any(action.kind == kinds[name] for action in actions), name
    calm = plan.campaign(5, 100, 4, faults=False, situations=())
    assert {action.kind for world in calm for batch in world.batches for action in batch.actions}.isdisjoint(
        {"convert", "move", "hand_order", "listed", "clock", "pair_status", "house", "rename", "say"}
    )
