#!/usr/bin/env bash
# The two ways in which a Kraken order can be too small are errors of different classes in ccxt.
#
# One would expect: an order below the pair's least volume and one below its least cost raise the same class
#   (InvalidOrder), as they are one kind of refusal with one remedy: wait until there is more to order.
# What happens: Kraken's live words for them are "EGeneral:Invalid arguments:volume minimum not met" and
#   "...:cost minimum not met" (seen in logs of 2025 and 2026; its documentation has "EOrder:Order minimum not
#   met" and "EOrder:Cost minimum not met"). ccxt raises InvalidOrder for volume and the bare ExchangeError
#   for cost, in either wording.
# Version: ccxt 4.5.90 (kraken.py, handle_errors).
# Source: ccxt's tables of exceptions; Kraken's words as quoted in public issues of several bots.
# Whom it bites: bots that catch InvalidOrder to carry a small order over: orders below the least cost end as
#   crashes or are lost.
# Here: account_proc/kraken/errors.py has one class, BelowMinimum, for all four texts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check 'ccxt==4.5.90'
"$folder/venv/bin/python" - <<'PY'
import json

import ccxt

exchange = ccxt.kraken()
found = {}
for words in (
    "EOrder:Order minimum not met",
    "EOrder:Cost minimum not met",
    "EGeneral:Invalid arguments:volume minimum not met",
    "EGeneral:Invalid arguments:cost minimum not met",
):
    answer = {"error": [words]}
    try:
        exchange.handle_errors(200, "OK", "", "POST", {}, json.dumps(answer), answer, {}, "")
    except ccxt.ExchangeError as error:
        found[words] = type(error).__name__
    print(f"{words:52} {found[words]}")
assert list(found.values()) == ["InvalidOrder", "ExchangeError", "InvalidOrder", "ExchangeError"], (
    "ccxt has changed: look at this finding again"
)
PY
# Output of 2026-11-28:
#   EOrder:Order minimum not met                         InvalidOrder
#   EOrder:Cost minimum not met                          ExchangeError
#   EGeneral:Invalid arguments:volume minimum not met    InvalidOrder
#   EGeneral:Invalid arguments:cost minimum not met      ExchangeError
