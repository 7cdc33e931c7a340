"""Which keys each table of the configuration may have."""

from __future__ import annotations

from krakencopy.account_proc.contract.spec import CopyRules

KEYS: dict[str, frozenset[str]] = {
    "exchange": frozenset({"mode", "market", "rest_url", "ws_url", "visibility_lag_s"}),
    "startup": frozenset({"nonce_separation_s", "health_timeout_s"}),
    # An amount and its asset are one key.
    "copy": frozenset(CopyRules.__dataclass_fields__) - {"notional_asset"},
    "accounts": frozenset(),
    "groups": frozenset(),
    "total_limits": frozenset(),
    "control": frozenset(
        {"listen", "names", "certificate", "key", "client_ca", "principals", "credential_sources"}
    ),
}


ACCOUNT_KEYS = frozenset(
    {
        "id",
        "role",
        "broker",
        "copy",
        "strategy",
        "strategy_options",
        "strategy_risk",
        "credentials_file",
        "credentials_command",
        "allow_withdraw_key",
        "reserve",
        "tier",
        "broker_url",
        "group",
        "mode",
    }
)


GROUP_KEYS = frozenset({"id", "copy"})


#: Where a key that stands in a wrong table belongs.
HOME_OF_KEY = (
    {key: f"[{section}]" for section, keys in KEYS.items() for key in keys}
    | dict.fromkeys(ACCOUNT_KEYS - {"copy"}, "[[accounts]]")
    | {"mode": "[exchange] or [[accounts]]"}
)
