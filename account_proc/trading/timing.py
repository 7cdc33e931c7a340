"""How long an order is waited for, looked for and tried again, by mode."""

from __future__ import annotations

from dataclasses import dataclass

from krakencopy.account_proc.kraken.health import RATE_SHOWN_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long to wait for what, in seconds."""

    #: The engine must not act on an order after this (Kraken: 2 to 60 s for REST).
    deadline: float = 5.0
    #: How much longer until a request that is late can no longer be acted on: clocks differ.
    margin: float = 2.0
    #: How far reads may trail behind the engine (seen at Kraken: up to 60 s; documented: nothing).
    visibility_lag: float = 60.0
    #: Between two questions about an order that the feed is silent about.
    poll: float = 3.0
    #: Between two tries of something that failed, at first, and at most where it fails again and again.
    retry: float = 2.0
    retry_max: float = 15.0
    #: Between two tries with a key that the exchange refuses. Kraken locks out for about 15 minutes when this
    #: is overdone, and each try starts the lockout anew; the paper exchange does not mind.
    key_retry: float = 960.0
    #: Between two tries of an exit in a market that takes no such orders now: at first, and at most.
    market_retry: float = 5.0
    market_retry_max: float = 60.0
    #: Between two readings of balances because orders of the account's own came or went. Kraken's lowest tier
    #: allows a call every 3 s in the long run.
    holds_pause: float = 10.0
    #: How long refusals for a rate are shown (kraken/health.py).
    rate_shown: float = RATE_SHOWN_S

    @classmethod
    def paper(cls) -> Timing:
        """The local exchange answers at once and its reads do not trail.

        As Kraken, it takes no deadline that is nearer than 2 s when the order arrives, and on a machine that
        is busy with hundreds of accounts an order may be a second on its way.
        """
        return cls(
            deadline=3.5,
            margin=0.5,
            visibility_lag=1.0,
            poll=1.0,
            retry=0.5,
            retry_max=4.0,
            key_retry=1.0,
            market_retry=0.5,
            market_retry_max=2.0,
            holds_pause=1.0,
            rate_shown=5.0,
        )
