#!/usr/bin/env bash
# One call by python-kraken-sdk, and a Kraken key works with krakenex and ccxt no more, for good.
#
# One would expect: clients that make nonces from the clock, as Kraken's documentation shows, can use one key
#   one after the other; the clock goes on, so do nonces.
# What happens: the unit differs. python-kraken-sdk counts in hundred-millionths of a second, krakenex and
#   ccxt in thousandths. Kraken keeps the largest nonce of a key for ever and has no way to lower it, so after
#   one call in the finer unit the other two are refused (EAPI:Invalid nonce) for a hundred thousand times the
#   age of the epoch. And krakenex, whose docstring says "always-increasing", gives one nonce to all calls of
#   a millisecond: two threads with one key refuse each other.
# Version: python-kraken-sdk 3.5.1, krakenex 2.2.2, ccxt 4.5.90.
# Source: get_nonce in kraken/base_api of the first, _nonce in krakenex/api.py, incrementing_nonce in ccxt;
#   for users see "Invalid nonce when reusing keys between applications" (python3-krakenex, issue 75).
# Whom it bites: users who try a bot and go back, or let a portfolio tool and a bot share a key; a new key
#   helps.
# Here: nonces are microseconds and kept in a file; account_proc/state/nonce_custody.py goes ahead two steps
#   and then says that the key needs to be replaced, with the reason.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    'ccxt==4.5.90' 'krakenex==2.2.2' 'python-kraken-sdk==3.5.1'
"$folder/venv/bin/python" - <<'PY' 2>&1 | grep -v Warning
import time

import ccxt
import krakenex
from kraken.spot import SpotClient

SECRET = "c2VjcmV0"
exchange = ccxt.kraken({"apiKey": "key", "secret": SECRET})
makers = {
    "python-kraken-sdk": SpotClient(key="key", secret=SECRET).get_nonce,
    "krakenex": krakenex.API("key", SECRET)._nonce,
    "ccxt": exchange.incrementing_nonce,
}
seen = {name: [int(make()) for _ in range(1_000)] for name, make in makers.items()}
now = time.time()
for name, nonces in seen.items():
    unit = 10 ** round(__import__("math").log10(nonces[-1] / now))
    print(f"{name}: {nonces[-1]}, {unit:,} a second, {len(set(nonces))} different of {len(nonces)}")
finest = seen["python-kraken-sdk"][-1]
for name in ("krakenex", "ccxt"):
    years = (finest / 1000 - now) / 31_557_600
    print(f"{name} comes to that number in {years:,.0f} years")
    assert years > 1e6
assert len(set(seen["krakenex"])) < len(seen["krakenex"])
assert len(set(seen["ccxt"])) == len(seen["ccxt"])
PY
