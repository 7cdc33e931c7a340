#!/usr/bin/env bash
# ccxt shows a Kraken account whose coins earn by themselves as one that has hardly any.
#
# One would expect: fetch_balance()['BTC']['free'] is what an order to sell BTC/USD can sell.
# What happens: with Kraken's Auto Earn most of an account's coins are listed under XBT.F, and Kraken's page
#   on balances says that an order uses them ("USDT to transact with your USDT and USDT.F"). ccxt makes them a
#   currency of its own, BTC.F, beside BTC, and bonded ones (DOT28.S) another; nothing ties them to the coin.
# Version: ccxt 4.5.90 (kraken.py, parse_balance), on an answer of BalanceEx in its documented form.
# Source: Kraken's documentation of BalanceEx, and its page on Get Account Balance.
# Whom it bites: bots that size by fetch_balance: an account with 10 USD and 900 USD.F buys for 10; sold coins
#   look missing.
# Here: account_proc/domain/asset_forms.py has one table of forms: which count, which an order takes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check 'ccxt==4.5.90'
"$folder/venv/bin/python" - <<'PY'
import ccxt

told = {
    "XXBT": {"balance": "0.1000000000", "hold_trade": "0.0000000000"},
    "XBT.F": {"balance": "0.5000000000", "hold_trade": "0.0000000000"},
    "ZUSD": {"balance": "10.0000", "hold_trade": "0.0000"},
    "USD.F": {"balance": "900.0000", "hold_trade": "0.0000"},
    "DOT28.S": {"balance": "3.0000000000", "hold_trade": "0.0000000000"},
}
free = ccxt.kraken().parse_balance({"result": told})["free"]
for name, amount in free.items():
    print(f"{name:8} {amount}")
assert free == {"BTC": 0.1, "BTC.F": 0.5, "USD": 10.0, "USD.F": 900.0, "DOT28.S": 3.0}, (
    "ccxt has changed: look at this finding again"
)
PY
# Output of 2026-11-28:
#   BTC      0.1
#   BTC.F    0.5
#   USD      10.0
#   USD.F    900.0
#   DOT28.S  3.0
