"""One account's page shows what is known of it, and makes nothing up."""

from krakencopy.client.views import rows as views
from krakencopy.client.views.account_page import account_page
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples


def value_of(page: list[str], name: str) -> str | None:
    """What stands behind a name on an account's page."""
    return next((line.removeprefix(name).strip() for line in page if line.startswith(f"{name} ")), None)


def test_of_an_account_without_a_process_only_what_is_known_is_shown() -> None:
    account = nouns.Account(id="eve", role=nouns.ROLE_USER, state=nouns.ACCOUNT_STATE_STOPPED)
    cells = dict(
        zip((column.title for column in views.account_columns()), views.account_row(account), strict=True)
    )
    assert [cells[title] for title in ("PID", "FEED", "LAST FILL", "OPEN")] == ["", "", "", ""]
    assert not [line for line in account_page(account) if line.startswith(("feed", "last", "open"))]


def test_an_accounts_page_shows_its_nonce_and_what_it_copied() -> None:
    account = samples.user()
    account.nonce.CopyFrom(nouns.NonceStatus(path="nonce.txt", last=7, reserved=9))
    account.positions.append(
        nouns.CopiedPosition(
            pair="BTC/USD",
            asset="BTC",
            volume="0.5",
            cost="30000",
            carried_buy="0.1",
            costs=[nouns.Money(amount="30000", asset="USD"), nouns.Money(amount="50", asset="EUR")],
        )
    )
    page = account_page(account)
    assert "nonce        7, reserved up to 9, in nonce.txt" in page
    assert page[-1].split() == ["BTC", "0.5", "30000", "USD", "+", "50", "EUR", "0.1"]


def test_an_accounts_page_shows_what_was_found_out_about_its_key() -> None:
    account = samples.with_preflight(samples.user())
    page = account_page(account)
    assert value_of(page, "key may") == "modify-trades, query-funds"
    assert value_of(page, "key lacks") is None
    assert value_of(page, "key window") == "0 (requests in strict order)"
    assert value_of(page, "key expires") == "never"
    assert value_of(page, "key works from") == "any address"
    assert value_of(page, "exchange clock") == "-0.3 s"
    assert value_of(page, "checked") == "2026-01-02 04:04:05.000+01:00"
    assert page[-1].split() == ["BTC/USD", "0.4", "0.8", "0.00005", "0.5", "0.1", "8", "online"]

    found = account.preflight
    found.missing_permissions.append("close-trades")
    found.nonce_window = 5000
    found.valid_until.CopyFrom(samples.at(1000))
    found.allowed_addresses.extend(["192.0.2.7", "2001:db8::7"])
    page = account_page(account)
    assert value_of(page, "key lacks") == "close-trades"
    assert value_of(page, "key window") == "5000"
    assert value_of(page, "key expires") == "2026-01-02 04:04:06.000+01:00"
    assert value_of(page, "key works from") == "192.0.2.7, 2001:db8::7"


def test_of_a_key_that_the_exchange_tells_nothing_about_nothing_is_made_up() -> None:
    account = samples.user()
    assert not [line for line in account_page(account) if line.startswith(("key", "exchange clock"))]
    account.preflight.CopyFrom(nouns.Preflight(checked_at=samples.at(), clock_offset_ms=3200))
    page = account_page(account)
    assert value_of(page, "key") == "the exchange does not tell what it may do"
    assert value_of(page, "exchange clock") == "+3.2 s"
    assert not [line for line in page if line.startswith(("key may", "key window", "key expires"))]


def test_an_accounts_page_shows_how_much_of_the_limits_is_used() -> None:
    account = samples.user()
    assert value_of(account_page(account), "calls counted") is None
    account.rate.CopyFrom(nouns.RateStatus(tier="starter", rest_counter=3.26, rest_limit=15, order_limit=60))
    page = account_page(account)
    assert value_of(page, "tier") == "starter"
    assert value_of(page, "calls counted") == "3.3 of 15"
    assert value_of(page, "orders counted") is None
    assert value_of(page, "refused for rate") == "0"
    account.rate.waiting, account.rate.order_counter, account.rate.order_pair = 2, 12.5, "BTC/USD"
    page = account_page(account)
    assert value_of(page, "calls counted") == "3.3 of 15, 2 calls wait"
    assert value_of(page, "orders counted") == "12.5 of 60 for BTC/USD"


def test_an_accounts_page_shows_each_condition_that_does_not_hold() -> None:
    account = nouns.Account(id="bob")
    account.conditions.add(type="KEY_ACCEPTED", status=nouns.CONDITION_STATUS_TRUE)
    account.conditions.add(
        type="CLOCK_RIGHT",
        status=nouns.CONDITION_STATUS_FALSE,
        reason="CLOCK_OFF",
        message="set\x1b the clock",
    )
    page = account_page(account)
    assert "what it needs and lacks:" in page
    (line,) = [line for line in page if "CLOCK_RIGHT" in line]
    assert line.startswith("  CLOCK_RIGHT CLOCK_OFF since ")
    assert line.endswith(": set  the clock")
    assert not any("KEY_ACCEPTED" in line for line in page)


def test_what_is_of_a_ledger_says_so_and_how_old_it_is() -> None:
    account = nouns.Account(id="eve", role=nouns.ROLE_USER, state=nouns.ACCOUNT_STATE_FAILED)
    account.positions_at.CopyFrom(samples.at(0))
    account.balances_at.CopyFrom(samples.at(0))
    at = samples.at(0).ToNanoseconds() / 1e9
    when = "2026-01-02 04:04:05.000+01:00"
    page = account_page(account, at + 90)
    assert f"copying holds nothing, by its ledger of {when} (90 s ago)" in page
    account.positions.add(asset="BTC", volume="0.5", costs=[nouns.Money(amount="30", asset="USD")])
    account.balances.add(asset="BTC", volume="0.7", held="0.1")
    page = account_page(account, at + 3 * 86_400)
    assert f"what copying holds, by its ledger of {when} (3 days ago):" in page
    assert f"balances, read {when} (3 days ago), and what was traded until its ledger kept them:" in page
    assert page[-1].split() == ["BTC", "0.7", "0.1"]
    account.pid = 7
    assert f"balances, read {when} (5 hours ago), and what was traded since:" in account_page(
        account, at + 18_000
    )
    assert f"balances, read {when}, and what was traded since:" in account_page(account)
    account.kept_pairs.add(pair="BTC/USD", ordermin="0.00005", costmin="0.5", tick_size="0.1", lot_decimals=8)
    kept = ["BTC/USD", "0.00005", "0.5", "0.1", "8"]
    assert kept in [line.split() for line in account_page(account)]
    account.ledger_fault = "schema 99"
    assert "what copying holds is not known: schema 99" in account_page(account)


def test_rules_are_shown_with_where_they_are_from() -> None:
    account = samples.user()
    account.rules.add(key="copy.ratio", source="default")
    account.rules.add(key="copy.max_user_risk", value="0.10", source="[copy]")
    assert [line.split() for line in account_page(account)[-3:]] == [
        ["RULE", "VALUE", "FROM"],
        ["copy.ratio", "-", "default"],
        ["copy.max_user_risk", "0.10", "[copy]"],
    ]


def test_a_limit_is_nothing_that_was_not_understood() -> None:
    account = nouns.Account(id="ann")
    account.notices.add(code="ROW_UNREADABLE", message="a row")
    account.notices.add(code="LIMIT_WARNED", subject="day", message="limit day: 8 of 10 USD")
    page = account_page(account)
    for title, message in (("limits to losses:", "limit day"), ("not understood or refused", "a row")):
        (at,) = [number for number, line in enumerate(page) if line.startswith(title)]
        assert message in page[at + 1]
        assert len(page) == at + 2 or page[at + 2] == ""
