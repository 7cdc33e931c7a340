"""The private REST methods about money, fees and the key itself."""

import re
from typing import Any, Final

from krakencopy.paper_exchange.accounts.account import ApiKey
from krakencopy.paper_exchange.accounts.tokens import TOKEN_LIFE_S
from krakencopy.paper_exchange.rest.public import asset_key, requested_pairs
from krakencopy.paper_exchange.rest.rows import balance_text
from krakencopy.paper_exchange.values import fees
from krakencopy.paper_exchange.values.decimals import ZERO, fixed
from krakencopy.paper_exchange.values.errors import KrakenError, invalid_arguments
from krakencopy.paper_exchange.values.params import Params
from krakencopy.paper_exchange.values.time_format import US_PER_S
from krakencopy.paper_exchange.venue.private_call import Call, Result

_CAPITAL: Final = re.compile("[A-Z]")


def balance(call: Call) -> Result:
    """Everything that is owned, held or not."""
    if _tells_nothing(call):
        return None
    return {
        asset_key(asset, call.params): balance_text(asset, amount)
        for asset, amount in call.account.balances.items()
    }


def balance_ex(call: Call) -> Result:
    """Everything that is owned, beside what is on hold of it."""
    if _tells_nothing(call):
        return None
    return {
        asset_key(asset, call.params): {
            "balance": balance_text(asset, amount),
            "hold_trade": balance_text(asset, call.account.held(asset)),
        }
        for asset, amount in call.account.balances.items()
    }


def _tells_nothing(call: Call) -> bool:
    return not call.account.balances and not call.exchange.rules.empty_result


def trade_balance(call: Call) -> Result:
    """What everything is worth in one asset by last prices."""
    asset = call.exchange.catalogue.find_asset(call.params.text("asset") or "ZUSD")
    if asset is None:
        raise KrakenError("EQuery:Unknown asset")
    market = call.exchange.market
    worth = sum((market.value(held, amount, asset) for held, amount in call.account.balances.items()), ZERO)
    equity, nothing = fixed(worth, 4), fixed(ZERO, 4)
    # Without margin there is nothing but the worth of what is owned, and no margin level.
    row = dict.fromkeys(("eb", "tb", "m", "uv", "n", "c", "v", "e", "mf"), nothing)
    return row | dict.fromkeys(("eb", "tb", "e", "mf"), equity)


def trade_volume(call: Call) -> Result:
    """The 30-day volume, and the account's own fees for the pairs that are named."""
    volume = call.account.volume_usd(call.now_us)
    result: dict[str, Any] = {"currency": "ZUSD", "volume": fixed(volume, 4)}
    asked = _asked_pairs(call.params)
    if asked:
        pairs = requested_pairs(call.exchange, Params({"pair": asked}))
        result["fees"] = {pair.id: _fee_row(fees.tier_index(volume), maker=False) for pair in pairs}
        result["fees_maker"] = {pair.id: _fee_row(fees.tier_index(volume), maker=True) for pair in pairs}
    return result


def _asked_pairs(params: Params) -> str:
    """The pairs as a comma list. Kraken: JSON may have a list, of names or of objects with a pair and its
    class.
    """
    value = params.values.get("pair", "")
    if not isinstance(value, list):
        return params.text("pair")
    names = [item.get("pair") if isinstance(item, dict) else item for item in value]
    texts = [name for name in names if isinstance(name, str)]
    if len(texts) < len(names):
        raise invalid_arguments("pair")
    return ",".join(texts)


def _fee_row(index: int, *, maker: bool) -> dict[str, str | None]:
    percents = [tier.maker if maker else tier.taker for tier in fees.SCHEDULE]
    top = index + 1 == len(fees.SCHEDULE)
    return {
        "fee": fixed(percents[index], 4),
        "minfee": fixed(percents[-1], 4),
        "maxfee": fixed(percents[0], 4),
        "nextfee": None if top else fixed(percents[index + 1], 4),
        "nextvolume": None if top else fixed(fees.SCHEDULE[index + 1].volume, 4),
        "tiervolume": fixed(fees.SCHEDULE[index].volume, 4),
    }


def web_sockets_token(call: Call) -> Result:
    """A token for the WebSocket."""
    token = call.exchange.tokens.mint(call.key, call.exchange.true_us(call.now_us))
    return {"token": token.text, "expires": TOKEN_LIFE_S}


def api_key_info(call: Call) -> Result:
    """What the key may do, its nonce and its bounds."""
    row = _key_row(call.key)
    if not call.exchange.rules.key_info_snake_case:
        return row
    # So it stands in another client's fixture: other names, and the window as text.
    snaked = {_CAPITAL.sub(lambda letter: f"_{letter[0].lower()}", name): item for name, item in row.items()}
    return snaked | {"nonce_window": str(row["nonceWindow"])}


def _key_row(key: ApiKey) -> dict[str, Any]:
    return {
        "apiKeyName": key.key_id,
        "apiKey": key.key,
        "nonce": str(key.nonce),
        "nonceWindow": key.nonce_window,
        "permissions": sorted(str(permission) for permission in key.permissions),
        "iban": f"PAPER {key.account.id}",
        "validUntil": str(key.valid_until_us // US_PER_S),
        "queryFrom": str(key.query_from_us // US_PER_S),
        "queryTo": str(key.query_to_us // US_PER_S),
        "createdTime": str(key.created_us // US_PER_S),
        "modifiedTime": str(key.modified_us // US_PER_S),
        # Kraken: one empty text where there is none.
        "ipAllowlist": list(key.ip_allowlist) or [""],
        "lastUsed": str(key.last_used_us // US_PER_S),
    }
