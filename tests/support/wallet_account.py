"""An account whose wallet is counted, with an exchange that answers as it is told to."""

from __future__ import annotations

from collections.abc import Mapping

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.trading.outside_changes import CONFIRM_S
from krakencopy.account_proc.trading.portfolio import Portfolio
from tests.support.copying import NOW
from tests.support.scripted_kraken import ScriptedKraken, execution

LAG_S = 60.0
START = {"ZUSD": "1000", "XXBT": "1"}
#: After one purchase of 0.01 BTC at 50,000 USD.
BOUGHT = {"ZUSD": "500", "XXBT": "1.01"}


class Account:
    """A portfolio, its exchange, and a clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.kraken = ScriptedKraken({"Balance": START})
        self.now = NOW
        self.portfolio = Portfolio(self.kraken.exchange, lambda: None, lambda: self.now, LAG_S)

    def buys(self, number: int = 1) -> None:
        self.portfolio.executed(execution(exec_id=f"T{number}", qty="0.01", price="50000"))

    async def told(self, balances: Mapping[str, str], later: float = CONFIRM_S) -> bool:
        """A reading some time later; whether the wallet is known to be right then."""
        self.now += later
        self.kraken.always["Balance"] = dict(balances)
        return await self.portfolio.refresh()

    @property
    def holds(self) -> tuple[str, str]:
        return plain(self.portfolio.wallet["USD"]), plain(self.portfolio.wallet["BTC"])


async def account() -> Account:
    made = Account()
    await made.portfolio.load()
    return made
