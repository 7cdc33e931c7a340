"""Whether a ledger is a shadow's. What a shadow has traded never was at an exchange, so no ledger has both:
an account that changes its mode needs a ledger, and so an id, of its own.
"""

from __future__ import annotations

from krakencopy.account_proc.contract.errors import ConfigurationFault
from krakencopy.account_proc.state.ledger import Ledger

#: Under which name a ledger keeps it, and what it keeps; one of a user that trades keeps nothing.
MODE, SHADOW = "mode", "shadow"
#: How ids begin that a shadow's orders have in the place of the exchange's.
ORDER_PREFIX = "SHADOW-"


def is_shadow_order(order_id: str) -> bool:
    """Whether an order never was at an exchange."""
    return order_id.startswith(ORDER_PREFIX)


def is_shadow_ledger(ledger: Ledger) -> bool:
    """Whether it is a shadow's."""
    return ledger.kept_value(MODE) == SHADOW


def keep_to_mode(ledger: Ledger, *, is_shadow: bool) -> None:
    """Makes a new ledger that of a shadow, where it is one. Raises ConfigurationFault for a used ledger of
    the other kind, LedgerFault.
    """
    if is_shadow_ledger(ledger) == is_shadow:
        return
    is_used = ledger.cursor is not None or ledger.revision > 0
    if is_used or not is_shadow:
        was, now = ("a shadow", "trades") if not is_shadow else ("an account that trades", "is a shadow")
        raise ConfigurationFault(
            f"{ledger.path} is the ledger of {was}, and the configuration says that the account {now}: what "
            "a shadow has traded was never at the exchange, and is not counted with what was. Give the "
            "account another id for that, such as anna-shadow, so that it begins a ledger of its own; or put "
            "the mode back"
        )
    ledger.keep_value(MODE, SHADOW)
