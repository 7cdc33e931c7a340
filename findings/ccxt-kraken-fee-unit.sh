#!/usr/bin/env bash
# ccxt names the wrong unit for the fee of a Kraken order that pays its fee in base.
#
# One would expect: an order whose fee Kraken took in bitcoin (flag fcib, documented as the default of sells)
#   is shown by ccxt with the bitcoin that were taken, or with a fee in dollars.
# What happens: Kraken states `fee` of orders and trades in the quote currency in either case (the flag says
#   where it is taken from, and the row's own numbers show it: 0.40 % of the cost). ccxt takes the flag for
#   the unit, so that 1.20 dollars become 1.20 BTC.
# Version: ccxt 4.5.90 (kraken.py, parse_order). The row has the form of a recorded ClosedOrders answer, ids
#   replaced.
# Source: Kraken's documentation of ClosedOrders, which calls cost and fee amounts of the quote currency, and
#   the row itself.
# Whom it bites: programs that count a position, a tax lot or a profit from `order['fee']`: the position goes
#   negative by thousands.
# Here: account_proc/ccxt_broker/messages.py states Kraken's fees in quote whatever ccxt says, and our orders
#   carry oflags=fciq.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check 'ccxt==4.5.90'
"$folder/venv/bin/python" - <<'PY'
import ccxt

PAIR = {
    "altname": "XBTUSD", "wsname": "XBT/USD", "aclass_base": "currency", "base": "XXBT",
    "aclass_quote": "currency", "quote": "ZUSD", "lot": "unit", "cost_decimals": 5, "pair_decimals": 1,
    "lot_decimals": 8, "lot_multiplier": 1, "leverage_buy": [], "leverage_sell": [], "fees": [[0, 0.4]],
    "fees_maker": [[0, 0.25]], "fee_volume_currency": "ZUSD",
    "ordermin": "0.00005", "costmin": "0.5", "tick_size": "0.1", "status": "online",
}
ASSETS = {
    "XXBT": {"aclass": "currency", "altname": "XBT", "decimals": 10, "display_decimals": 5, "status": "enabled"},
    "ZUSD": {"aclass": "currency", "altname": "USD", "decimals": 4, "display_decimals": 2, "status": "enabled"},
}
ANSWERS = {"AssetPairs": {"XXBTZUSD": PAIR}, "Assets": ASSETS}
ROW = {
    "refid": None, "userref": 0, "status": "closed", "opentm": 1616148688.7, "closetm": 1616148688.8,
    "starttm": 0, "expiretm": 0,
    "descr": {"pair": "XBTUSD", "type": "sell", "ordertype": "market", "price": "0", "price2": "0", "leverage": "none",
              "order": "sell 0.00500000 XBTUSD @ market", "close": ""},
    "vol": "0.00500000", "vol_exec": "0.00500000", "cost": "300.00000", "fee": "1.20000", "price": "60000.0",
    "stopprice": "0.00000", "limitprice": "0.00000", "misc": "", "oflags": "fcib", "reason": None,
}


class Offline(ccxt.kraken):
    """Answers for the two public calls that load markets; no network."""

    def fetch(self, url, method="GET", headers=None, body=None):
        return {"error": [], "result": ANSWERS[url.partition("?")[0].rpartition("/")[2]]}


exchange = Offline()
exchange.load_markets()
order = exchange.parse_order({"id": "OAAAAA-AAAAA-AAAAAA", **ROW})
fee = order["fee"]
print("Kraken's row:  cost 300.00000, fee 1.20000 (0.40 % of the cost), oflags fcib")
print(f"ccxt {ccxt.__version__}:  fee {fee['cost']} {fee['currency']}")
assert (float(fee["cost"]), fee["currency"]) == (1.2, "BTC"), "ccxt has changed: look at this finding again"
PY
# Output of 2026-11-28:
#   Kraken's row:  cost 300.00000, fee 1.20000 (0.40 % of the cost), oflags fcib
#   ccxt 4.5.90:  fee 1.20000 BTC
