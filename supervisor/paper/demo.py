"""What ``krakencopyd --paper`` runs when there is no configuration file, and what paper accounts begin
with.
"""

from __future__ import annotations

from decimal import Decimal

from krakencopy.account_proc.contract.spec import CopyRules, Role, Tier
from krakencopy.supervisor.config.model import AccountConfig, Config, ExchangeConfig, StartupConfig
from krakencopy.supervisor.config.reader import Mode

#: Master and users of ``krakencopyd --paper``, with their balances in USD. The last user is so poor that
#: small trades of the master are below the exchange's minimum for it.
DEMO_BALANCES = {"master": "10000", "daivon_frazier": "1000", "tania_gilbert": "2500", "small_account": "60"}
#: Of the master's equity, for its position in one pair: its largest trades make the users' 10 % cap bite.
DEMO_RISK = Decimal("0.30")
#: Balances of the accounts of a configuration file in paper mode, in USD.
MASTER_BALANCE, USER_BALANCE = "10000", "1000"


def demo_config() -> Config:
    """The configuration of ``krakencopyd --paper``: a master that trades by itself, and three users."""
    accounts = [
        AccountConfig(
            id="master",
            role=Role.MASTER,
            broker="kraken",
            strategy="paper_demo",
            strategy_risk=DEMO_RISK,
            tier=Tier.PRO,
        )
    ]
    accounts += [
        AccountConfig(id=user_id, role=Role.USER, broker="kraken", tier=Tier.PRO)
        for user_id in DEMO_BALANCES
        if user_id != "master"
    ]
    return Config(
        exchange=ExchangeConfig(mode=Mode.PAPER, rest_url=None, ws_url=None, visibility_lag_s=1.0),
        startup=StartupConfig(nonce_separation_s=0.0),
        copy=CopyRules(),
        accounts=tuple(accounts),
        source="--paper",
    )


def balance_of(account: AccountConfig) -> str:
    """What a paper account begins with, in USD."""
    return DEMO_BALANCES.get(account.id, MASTER_BALANCE if account.role is Role.MASTER else USER_BALANCE)
