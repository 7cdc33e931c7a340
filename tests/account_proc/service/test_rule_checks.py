"""What an account's rules cannot mean at this exchange is said, and does not end its process."""

from __future__ import annotations

from decimal import Decimal

from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.service.rule_checks import check_rules
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.mapped_user import Mapped, listed, mapped_user
from tests.support.scripted_kraken import run

PAIRS = listed("BTC/EUR", "ETH/EUR", "EUR/USD")


def said(user: Mapped, rules: CopyRules) -> dict[str, str]:
    check_rules(rules, user.portfolio, user.book.names.current)
    return {f"{notice.code} {notice.subject}": notice.message for notice in user.portfolio.notices.shown()}


def test_amounts_are_priced_and_one_in_a_currency_that_nobody_has_is_a_notice(ledger: Ledger) -> None:
    async def steps() -> None:
        async with mapped_user(ledger, pairs=PAIRS) as user:
            rules = CopyRules(
                notional=Decimal(50), notional_asset="QQQ", max_order_notional=Money(Decimal(5), "ZEUR"),
                pairs={"BTC/*": {"max_daily_notional": Money(Decimal(5), "RRR")}},
            )  # fmt: skip
            found = said(user, rules)
            assert list(found) == [
                'UNKNOWN_CURRENCY copy.pairs."BTC/*".max_daily_notional', "UNKNOWN_CURRENCY copy.notional",
            ]  # fmt: skip
            assert found["UNKNOWN_CURRENCY copy.notional"] == (
                'copy.notional = "50 QQQ": the exchange has no QQQ; entries are skipped (NO_MARK) until it '
                'is written with one that it has, such as "50 USD"'
            )
            assert user.portfolio.prices.priced == ("EUR",)
            # Corrected, it is over.
            assert said(user, CopyRules()) == {}

    run(steps())


def test_patterns_that_match_nothing_and_lines_of_a_map_that_lead_nowhere_are_notices(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with mapped_user(ledger, pairs=PAIRS) as user:
            rules = CopyRules(
                include=("BTC", "SOL"),
                map={"*/USD": "*/EUR", "*/CHF": "*/EUR", "BTC/USD": "BTC/GBP", "EUR/*": "*/GBP"},
            )
            found = said(user, rules)
            assert list(found) == [
                "PATTERN_MATCHES_NOTHING copy.map: */CHF", "PATTERN_MATCHES_NOTHING copy.include: SOL",
                "MAPPED_PAIR_NOT_LISTED copy.map: BTC/USD", "MAPPED_PAIR_NOT_LISTED copy.map: EUR/*",
            ]  # fmt: skip
            assert found["MAPPED_PAIR_NOT_LISTED copy.map: BTC/USD"] == (
                'copy.map has "BTC/USD" = "BTC/GBP", and the exchange lists no such pair: entries are '
                "skipped (UNKNOWN_PAIR)"
            )
            # What a rate may be needed of is priced.
            assert user.portfolio.prices.priced == ("USD", "EUR", "GBP")

    run(steps())
