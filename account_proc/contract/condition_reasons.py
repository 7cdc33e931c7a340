"""The reasons of conditions that do not hold: what each means, and what to do. They are codes of events."""

from __future__ import annotations

from krakencopy.account_proc.contract.event_entry import ERROR, WARNING, Entry

#: Reasons of conditions that do not hold (account_proc/contract/conditions.py), by the condition.
CONDITIONS: dict[str, tuple[Entry, ...]] = {
    "KEY_ACCEPTED": (
        Entry(
            "INVALID_KEY",
            ERROR,
            "the exchange does not know the key",
            "give the account a new key, then `krakencopy restart ID`",
            ends=True,
        ),
        Entry(
            "INVALID_SIGNATURE",
            ERROR,
            "the secret is not the key's",
            "give both again, then `krakencopy restart ID`",
            ends=True,
        ),
        Entry(
            "LOCKED_OUT",
            ERROR,
            "the exchange has locked the key out for about 15 minutes",
            "see what else uses the key",
            ends=True,
        ),
        Entry(
            "ACCOUNT_DISABLED",
            ERROR,
            "the exchange has closed the account to trading",
            "ask its support",
            ends=True,
        ),
        Entry(
            "KEY_REFUSED",
            ERROR,
            "the exchange refuses the key in other words",
            "look the key up there",
            ends=True,
        ),
    ),
    "KEY_PERMITTED": (
        Entry(
            "PERMISSION_DENIED",
            ERROR,
            "the key may not do what it is used for",
            "permit it at the exchange; `krakencopy restart ID` tries it at once",
            ends=True,
        ),
    ),
    "NONCE_ACCEPTED": (
        Entry(
            "INVALID_NONCE",
            ERROR,
            "the exchange refuses the key's nonces",
            "give the account a key of its own, then `krakencopy restart ID`",
            ends=True,
        ),
    ),
    "EXCHANGE_ANSWERS": (
        Entry("HTTP_ERROR", ERROR, "the exchange answers with an HTTP error; data has the status", ends=True),
        Entry(
            "EXCHANGE_UNREACHABLE",
            ERROR,
            "the exchange gives no answer, or refuses connections",
            "see that the network is well",
            ends=True,
        ),
        Entry("SERVICE_TROUBLE", ERROR, "the exchange says that it has trouble", ends=True),
        Entry(
            "FRONT_REFUSES",
            ERROR,
            "a firewall or rate limiter in front of the exchange answers instead of it; of "
            "a feed (FEED_FRESH) as well",
            "if it lasts, see what else calls from this address",
            ends=True,
        ),
    ),
    "RATE_FREE": (
        Entry(
            "RATE_LIMITED",
            WARNING,
            "calls or orders were refused for their rate in the last minute; data has the count",
            "see what else uses the account, and whether its tier is right",
            ends=True,
        ),
    ),
    "FEED_FRESH": (
        Entry(
            "FEED_DOWN",
            WARNING,
            "the executions feed is not connected, or silent; the message says why",
            ends=True,
        ),
        Entry(
            "FEED_TOKEN_REFUSED",
            WARNING,
            "the exchange gives no token for the feed",
            "look the key up there",
            ends=True,
        ),
        Entry(
            "BALANCES_STALE",
            WARNING,
            "balances of an account at another broker were not read lately; they stand for a feed there",
            "see whether the broker answers (EXCHANGE_ANSWERS)",
            ends=True,
        ),
    ),
    "CLOCK_RIGHT": (
        Entry(
            "CLOCK_OFF",
            WARNING,
            "this machine's clock is wrong; orders go by the exchange's",
            "set the clock (NTP)",
            ends=True,
        ),
    ),
    "DISK_WRITABLE": (
        Entry(
            "DISK_NOT_WRITABLE",
            ERROR,
            "the state folder's disk is full or nearly so, or nonces cannot be reserved on it; copying goes "
            "on while something is left",
            "make room, or repair the disk; what has ended for it starts again by itself",
            ends=True,
        ),
    ),
    "LEDGER_AGREES": (
        Entry(
            "ORDER_FOUND_LATE",
            WARNING,
            "an order that was given up was there after all, and is counted now",
            ends=True,
        ),
        Entry(
            "ORDER_UNINTENDED",
            WARNING,
            "an order of an earlier time that this ledger never made",
            "see what else trades",
            ends=True,
        ),
        Entry(
            "ORDER_MADE_ELSEWHERE",
            WARNING,
            "the same, made while this process runs",
            "see what else trades",
            ends=True,
        ),
        Entry(
            "VOLUME_DIFFERS",
            WARNING,
            "an order ended with another volume than its copy",
            "look the order up",
            ends=True,
        ),
    ),
    "EXITS_DONE": (
        Entry(
            "EXIT_OWED",
            ERROR,
            "an exit cannot leave; one event for each coin, with volume and cause",
            "see the cause",
            ends=True,
        ),
    ),
    "COINS_PRESENT": (
        Entry(
            "COINS_MISSING",
            WARNING,
            "coins that copying bought are not there any more; data has the volumes",
            "nothing, if they were sold by hand: they are written off at the exit",
            ends=True,
        ),
    ),
    "FUNDS_PRESENT": (
        Entry(
            "NO_FUNDS",
            WARNING,
            "the user has nothing of what the master pays with",
            "deposit or convert some",
            ends=True,
        ),
    ),
    "LIMITS": (
        Entry(
            "LIMIT_HIT",
            ERROR,
            "as much is lost as a limit lets; one event for each limit, with its numbers. It holds until it "
            "is reset, and is over then",
            "`krakencopy limits ID`, then `krakencopy reset-limit ID NAME --reason TEXT`",
            ends=True,
        ),
        Entry(
            "LIMIT_NOT_JUDGED",
            WARNING,
            "what is lost is not known, for want of a price, or as nobody knows what of a change came from "
            "outside; one event for each limit",
            "see the cause; `krakencopy reset-limit ID NAME --reason TEXT` begins it anew",
            ends=True,
        ),
    ),
}
