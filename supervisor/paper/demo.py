"""What ``krakencopyd --paper`` runs when there is no configuration file, and what paper accounts begin
with.
"""

from __future__ import annotations

from decimal import Decimal

from krakencopy.account_proc.contract.spec import Role
from krakencopy.supervisor.config.model import AccountConfig, Config
from krakencopy.supervisor.config.reader import read

#: Master and users of ``krakencopyd --paper``, with their balances in USD. The last user is so poor that
#: small trades of the master are below the exchange's minimum for it.
DEMO_BALANCES = {"master": "10000", "daivon_frazier": "1000", "tania_gilbert": "2500", "small_account": "60"}
DEMO_STRATEGY = "paper_demo"
#: Of the master's equity, for its position in one pair: its largest trades make the users' 10 % cap bite.
DEMO_RISK = Decimal("0.30")
#: Balances of the accounts of a configuration file in paper mode, in USD.
MASTER_BALANCE, USER_BALANCE = "10000", "1000"


def demo_config() -> Config:
    """The configuration of ``krakencopyd --paper``: a master that trades by itself, and three users."""
    accounts = [{"id": account_id, "role": "user", "broker": "kraken"} for account_id in DEMO_BALANCES]
    accounts[0] |= {"role": "master", "strategy": DEMO_STRATEGY, "strategy_risk": str(DEMO_RISK)}
    document = {"exchange": {"mode": "paper"}, "accounts": accounts}
    return read(document, "--paper", {DEMO_STRATEGY})


def balance_of(account: AccountConfig) -> str:
    """What a paper account begins with, in USD."""
    return DEMO_BALANCES.get(account.id, MASTER_BALANCE if account.role is Role.MASTER else USER_BALANCE)
