#!/usr/bin/env bash
# python-kraken-sdk's truncate=True takes a step off amounts that are right, and refuses cheap coins.
#
# One would expect: create_order(..., truncate=True) cuts a volume and a price to the decimals that Kraken
#   takes, and leaves one that has no more than those as it is; Decimal and text are accepted, so they count
#   exactly.
# What happens: the amount becomes a float, is multiplied, floored and divided. Of volumes from 0.00005 to
#   0.00009 with eight decimals, given as text, one in twelve comes out a step smaller: sell all of
#   0.00006110, and 0.00000001 stays. And the price is compared with the pair's costmin (what price times
#   volume must come to, 0.5 USD): no limit order in a coin below half a dollar is possible, "Price is less
#   than the costmin".
# Version: python-kraken-sdk 3.5.1 (kraken/spot/trade.py, Trade.truncate), on AssetPairs in its documented
#   form.
# Source: Kraken's documentation of AssetPairs (ordermin, costmin, lot_decimals), the code named above.
# Whom it bites: bots that close positions to zero (the rest is below the least order and cannot be sold), and
#   all that place limit orders in DOGE, XLM, TRX or other cheap coins.
# Here: amounts are Decimal from the answer to the order; account_proc/domain/quantities.py cuts to steps.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check 'python-kraken-sdk==3.5.1'
"$folder/venv/bin/python" - <<'PY'
import http.server
import json
import threading
from decimal import Decimal

from kraken.spot import Market, Trade

PAIRS = {
    "XXBTZUSD": {"altname": "XBTUSD", "pair_decimals": 1, "lot_decimals": 8, "ordermin": "0.00005", "costmin": "0.5"},
    "XDGUSD": {"altname": "XDGUSD", "pair_decimals": 7, "lot_decimals": 8, "ordermin": "50", "costmin": "0.5"},
}


class Exchange(http.server.BaseHTTPRequestHandler):
    """AssetPairs, as it is documented, for the one pair that is asked for."""

    def do_GET(self):
        name = next(name for name in PAIRS if name in self.path or PAIRS[name]["altname"] in self.path)
        body = json.dumps({"error": [], "result": {name: PAIRS[name]}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Exchange)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
trade = Trade(key="key", secret="c2VjcmV0", url=url)
trade._Trade__market = Market(url=url)  # url does not reach the part that asks for pairs
volumes = [f"{Decimal(number) / 10**8:.8f}" for number in range(5_000, 9_000)]
less = [volume for volume in volumes if trade.truncate(volume, "volume", "XBTUSD") != volume]
print(f"{len(less)} of {len(volumes)} volumes of eight decimals lose a step, such as {less[0]} ->",
      trade.truncate(less[0], "volume", "XBTUSD"))
try:
    refused = trade.truncate("0.08", "price", "XDGUSD")
except ValueError as error:
    refused = error
print("a limit of 0.08 in DOGE/USD:", refused)
assert less and all(Decimal(v) - Decimal(trade.truncate(v, "volume", "XBTUSD")) == Decimal("1e-8") for v in less[:20])
assert isinstance(refused, ValueError)
PY
