"""Limits to losses, of users and of all together: left alone by a withdrawal while nobody is there, and by an
operator's resume. How one is warned, hit and reset is part of test_scripted_day.py.
"""

from __future__ import annotations

from typing import Any

from krakencopy.v1 import types_pb2 as nouns
from tests.support.system import Paper, System, wait_for

PAIR = "BTC/USD"
#: Each makes 500 USD of the master's purchases of 500.
ONE_TO_ONE = 'sizing = "fixed_ratio", ratio = 1, max_user_risk = 1'
LIMIT = 'metric = "equity", window = "lifetime", max_loss = "100 USD"'
USERS = {
    "anna": f'{ONE_TO_ONE}, limits = [{{ {LIMIT}, action = "reducing", name = "life" }}]',
    "carl": f'{ONE_TO_ONE}, limits = [{{ {LIMIT}, action = "flatten", warn_at = "50%" }}]',
}
TOTAL = (
    '[[total_limits]]\nmetric = "equity"\nwindow = "lifetime"\nmax_loss = "200 USD"\naction = "warn"\n'
    'name = "both"'
)
WITHIN, WARNED, HIT = nouns.LIMIT_STATE_WITHIN, nouns.LIMIT_STATE_WARNED, nouns.LIMIT_STATE_HIT


def limit(system: System, user: str) -> Any:
    with system.api() as api:
        return api.list_limits([user])[0]


def of_both(system: System) -> Any:
    with system.api() as api:
        return api.list_limits()[0]


def wait_for_limit(system: System, user: str, state: Any) -> Any:
    def there() -> Any:
        found = limit(system, user)
        return found if found.state == state else None

    return wait_for(f"{user}'s limit", there)


def answers(system: System, fills: int) -> list[tuple[int, str]]:
    """What the users made of the last fill."""
    system.settled(fills)
    copies = [system.copies(user)[-1] for user in USERS]
    return [(copy.state, copy.reason) for copy in copies]


def codes(system: System, user: str) -> list[str]:
    of_user = [event.code for event in system.events() if event.account_id == user]
    return [code for code in of_user if code.startswith("LIMIT")]


FILLED, SKIPPED = nouns.COPY_STATE_FILLED, nouns.COPY_STATE_SKIPPED


def test_limits_are_hit_by_losses_alone_and_lifted_by_their_reset_alone() -> None:
    lines = {name: f"copy = {{ {line} }}" for name, line in USERS.items()}
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        with System(paper, dict.fromkeys(USERS, "1000"), user_lines=lines, config_tail=TOTAL) as system:
            system.start().wait_ready()
            wait_for_limit(system, "anna", WITHIN)
            wait_for("the limit of both", lambda: of_both(system).state == WITHIN)
            system.buy(PAIR, "0.01")
            assert [state for state, _ in answers(system, 1)] == [FILLED, FILLED]
            paper.price("XBTUSD", "41900")
            wait_for_limit(system, "anna", WARNED)
            withdraw_while_nobody_is_there(system, paper)
            paper.price("XBTUSD", "39900")
            hit = wait_for_limit(system, "anna", HIT)
            assert (hit.used_percent, hit.name, hit.configured) == ("105", "life", True)
            wait_for_limit(system, "carl", HIT)
            wait_for("carl to have sold", lambda: not system.held("carl"))
            system.buy(PAIR, "0.01")
            assert answers(system, 2) == [(SKIPPED, "LIMIT_HIT")] * 2
            assert "limit life: 105 USD of equity lost of at most 100 USD, since" in system.command(
                "why", "2", "--all"
            )
            wait_for("the limit of both", lambda: of_both(system).state == HIT)
            assert "LIMIT_HIT" in codes(system, "")
            shown = system.command("limits").splitlines()[1].split()
            assert shown[:4] == ["(all", "users)", "both", "equity"]
            only_a_reset_lifts_it(system)
            assert "LIMIT_WARNED" in codes(system, "carl")


def withdraw_while_nobody_is_there(system: System, paper: Paper) -> None:
    """And convert a part: only the exchange's ledger shows which is which."""
    lost = limit(system, "anna").loss
    system.stop()
    paper.call("POST", "/accounts/anna/deposit", asset="USD", amount="-300")
    paper.price("ETHUSD", "2000")
    give, get = {"asset": "USD", "amount": "100"}, {"asset": "ETH", "amount": "0.05"}
    paper.call("POST", "/accounts/anna/convert", spend=give, receive=get)
    system.start().wait_ready()
    assert wait_for_limit(system, "anna", WARNED).loss == lost


def only_a_reset_lifts_it(system: System) -> None:
    out = system.command("resume", "anna")
    assert "still REDUCING by limit life" in out
    assert "lift it with `krakencopy reset-limit anna life --reason TEXT`" in out
    assert "no limit 'other'" in system.error("reset-limit", "anna", "other", "--reason", "x", expect=1)
    out = system.command("reset-limit", "anna", "life", "--reason", "looked into it")
    assert out == "anna: limit life begins anew\n"
    system.buy(PAIR, "0.001")
    assert answers(system, 3) == [(FILLED, "SCALED"), (SKIPPED, "LIMIT_HIT")]
