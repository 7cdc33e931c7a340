"""A token lives for 15 minutes, for as long as subscriptions hold on to it, and never longer than its key."""

from __future__ import annotations

from krakencopy.paper_exchange.accounts.account import Account, ApiKey
from krakencopy.paper_exchange.accounts.rate_limits import Tier
from krakencopy.paper_exchange.accounts.tokens import TOKEN_LIFE_S, Tokens

LIFE_US = TOKEN_LIFE_S * 1_000_000


def api_key(name: str = "key") -> ApiKey:
    return ApiKey(name, b"secret", Account("a", Tier.PRO), frozenset(), 0, 0, 0)


def test_a_token_is_good_for_15_minutes() -> None:
    tokens = Tokens()
    token = tokens.mint(api_key(), 1_000)
    assert tokens.find(token.text, 1_000 + LIFE_US - 1) is token
    assert tokens.find(token.text, 1_000 + LIFE_US) is None
    assert tokens.find("another", 1_000) is None


def test_a_token_outlives_its_time_while_a_subscription_lives_on_it() -> None:
    tokens = Tokens()
    token = tokens.mint(api_key(), 0)
    token.subscriptions = 1
    assert tokens.find(token.text, 10 * LIFE_US) is token
    token.subscriptions = 0
    assert tokens.find(token.text, 10 * LIFE_US) is None


def test_minting_forgets_what_expired_and_keeps_what_is_held() -> None:
    tokens, key = Tokens(), api_key()
    expired, held = tokens.mint(key, 0), tokens.mint(key, 0)
    held.subscriptions = 1
    tokens.mint(key, LIFE_US)
    assert tokens.find(expired.text, 0) is None, "it is not even there any more"
    assert tokens.find(held.text, LIFE_US) is held


def test_the_tokens_of_a_key_die_with_it_and_those_of_others_live_on() -> None:
    tokens, key, other = Tokens(), api_key(), api_key("other")
    mine, theirs = tokens.mint(key, 0), tokens.mint(other, 0)
    mine.subscriptions = 1
    tokens.revoke(key)
    assert tokens.find(mine.text, 0) is None
    assert tokens.find(theirs.text, 0) is theirs


def test_tokens_are_never_the_same() -> None:
    tokens, key = Tokens(), api_key()
    assert len({tokens.mint(key, 0).text for _ in range(100)}) == 100
