"""Why an account stands where it stands, why a stream with its process was refused, and why a copy is what it
is: every code of ours, what it means, and what to do. Published in docs/events.md, beside the codes of events
(event_catalogue.py). Codes are an interface: they are added, and neither renamed nor given another meaning.

An account is also DEGRADED for the reason of a condition that does not hold (event_catalogue.CONDITIONS), and
a copy has the exchange's own words, such as "EOrder:Insufficient funds", where the exchange refused it.
"""

from __future__ import annotations

from typing import NamedTuple


class Meaning(NamedTuple):
    """Of one code. ``remedy``: what an operator does about it; empty for nothing."""

    code: str
    meaning: str
    remedy: str = ""


#: Before a process may start.
WAITING = (
    Meaning(
        "MASTER_NOT_READY",
        "a user waits for a healthy master",
        "look at the master; users start by themselves afterwards",
    ),
    Meaning("SEPARATION_WAIT", "the master is ready; users start `startup.nonce_separation_s` after it"),
    Meaning("MASTERS_FIRST", "a user of another broker lets every master have its first try"),
    Meaning("KEY_IN_USE", "its API key is still with the process of another account, which is ending"),
    Meaning(
        "MANY_FAILED", "many processes ended at once; accounts are tried one by one", "look at the machine"
    ),
)

#: While a process lives and does not trade.
NOT_TRADING = (
    Meaning(
        "CONNECTING", "it has not reached the exchange yet, or is being compared with the other accounts"
    ),
    Meaning(
        "EXCHANGE_UNREACHABLE",
        "the exchange gives no usable answer; it is asked again and again",
        "if it lasts, see that the network is well",
    ),
    Meaning(
        "EXCHANGE_REFUSES",
        "another broker refuses what is read at the start; it is asked again",
        "see its words in the message",
    ),
    Meaning(
        "KEY_CAN_WITHDRAW",
        "the key may withdraw; nothing is traded with it",
        "take that permission away, or set allow_withdraw_key; it is looked at again by itself",
    ),
    Meaning(
        "KEY_LACKS_PERMISSION",
        "the key may do too little; the message says what it lacks",
        "permit it at the exchange; it is looked at again by itself",
    ),
    Meaning("KEY_EXPIRED", "the key has expired", "make a new one; it is looked at again by itself"),
    Meaning("CATCHING_UP", "the master reads what happened while it was not connected"),
    Meaning("MASTER_LOST", "the master is not healthy: there is nothing to copy", "look at the master"),
    Meaning("NOT_SERVING", "it answers, and does not say why it cannot trade", "see `krakencopy logs ID`"),
    Meaning("NO_ANSWER", "its process is stopped or stuck; it is killed after 10 s, and replaced"),
    Meaning(
        "HUNG", "its process did not answer and was killed", "if it happens again, see `krakencopy logs ID`"
    ),
    Meaning(
        "START_TIMEOUT",
        "its process did not answer in time after its start and was killed",
        "see whether the machine is overloaded, or `startup.health_timeout_s` too short",
    ),
    Meaning("RESTART", "its process finishes what is in flight, and another one starts"),
    Meaning("PROCESS_ENDED", "its process ended by itself; `next start` says when it is tried again"),
)

#: Until an operator starts the account again: `krakencopy start ID`.
FAILED = (
    Meaning(
        "RESTART_LIMIT",
        "its process ended more than 5 times in 300 s",
        "see `krakencopy logs ID`, and remove the cause",
    ),
    Meaning(
        "CRASHED",
        "an error that nobody expected ended its process",
        "see `krakencopy logs ID`, and report it",
    ),
    Meaning(
        "LEDGER", "its ledger cannot be read or written", "see the message: make room, or restore the file"
    ),
    Meaning(
        "LOCK_HELD", "another process has its nonce file, its ledger or its API key", "stop that process"
    ),
    Meaning("CREDENTIALS", "its key or secret is unusable, or its nonce is spoilt", "the message says which"),
    Meaning(
        "CONFIGURATION", "what it was given cannot work", "correct what the message names, then `reload`"
    ),
    Meaning(
        "OTHER_ACCOUNT",
        "its key opens another account than its ledger is about",
        "put the old key back, or configure the new account under an id of its own",
    ),
    Meaning(
        "FOREIGN_LEDGER",
        "its ledger was made for another exchange or mode",
        "put the right file back, or use another --state-dir",
    ),
    Meaning(
        "NEWER_LEDGER",
        "a later version of krakencopy has written its ledger",
        "install that version again, or a later one",
    ),
    Meaning(
        "KEY_USED_ELSEWHERE",
        "another program uses the key now",
        "stop it, or make a key for this account alone",
    ),
    Meaning(
        "SAME_ACCOUNT",
        "its key opens the account of another one that is configured; of a copy: its fill was an "
        "order of such a user",
        "give it a key of an account of its own",
    ),
)

#: Why the stream between supervisor and process was refused: the account is DEGRADED for it, and it is an
#: event of severity ERROR.
STREAMS = (
    Meaning(
        "LEDGER_BEHIND_JOURNAL",
        "the user's ledger was deleted, or an old copy was brought back; copying on would trade fills twice",
        "restore the newest ledger, then `krakencopy restart ID`",
    ),
    Meaning(
        "LEDGER_OF_OTHER_JOURNAL",
        "the ledger counts in another journal than this state folder's",
        "bring back the journal that it belongs to, or move the ledger away",
    ),
    Meaning("JOURNAL_BEHIND_LEDGER", "an older journal was brought back", "restore the newest journal.db"),
    Meaning(
        "JOURNAL_DIFFERS",
        "the journal and the ledger have another fill at the same place",
        "restore the newest journal.db",
    ),
    Meaning(
        "FILL_DIFFERS",
        "a fill came again with other content",
        "compare it with the trade at the exchange, then `krakencopy restart ID`",
    ),
    Meaning(
        "FILL_GAP",
        "a fill came before the one that it follows on",
        "`krakencopy restart ID`; report it if it comes again",
    ),
    Meaning(
        "FILL_INVALID",
        "the master's process sent a fill that cannot be; nobody copies it",
        "compare it with the trade at the exchange, then `krakencopy restart ID`",
    ),
    Meaning(
        "WRONG_PROCESS",
        "another process listens at this account's socket",
        "find out which, then `krakencopy restart ID`",
    ),
    Meaning(
        "EPOCH_MISMATCH", "the process belongs to another run of the supervisor", "`krakencopy restart ID`"
    ),
    *(
        Meaning(
            code,
            "supervisor and process do not speak of the same account, or not the same language",
            "`krakencopy restart ID`, and report it",
        )
        for code in ("NOT_MASTER", "NOT_USER", "NO_START", "NOT_ADMITTED")
    ),
)

#: Reasons of copies (copy_state.Reason), by what they mean for the copy.
COPIES: dict[str, tuple[Meaning, ...]] = {
    "Ordered": (
        Meaning("SCALED", "an entry of the volume that the sizing gives"),
        Meaning(
            "CAPPED",
            "an entry that a cap has cut; the copy's `cap` names its key",
            "see whether the cap is meant to be this low",
        ),
        Meaning(
            "CASH_LIMITED",
            "an entry that was cut to the cash that is free, or ended for want of it",
            "deposit some, or nothing",
        ),
        Meaning("EXIT_FRACTION", "an exit of the fraction that the master sold"),
        Meaning("EXIT_FULL", "an exit of all that copying holds, as the master sold all of its own"),
        Meaning("HOLDINGS_LIMITED", "an exit that was cut to what can be sold; the rest stays owed"),
        Meaning("EXIT_OWED", "an exit that was owed, and leaves now; no fill stands behind it"),
        Meaning("FOUND_LATE", "an order that had been given up was there after all, and counts"),
        Meaning("TAKEN_OVER", "an order of before the ledger was brought back from a backup; it counts"),
    ),
    "Carried": (
        Meaning("BELOW_ORDERMIN", "less than the exchange's least volume; it goes with the next fill"),
        Meaning("BELOW_COSTMIN", "less than the exchange's least cost; it goes with the next fill"),
        Meaning(
            "CARRY_EXITED", "it was carried, and the master left the position before it was large enough"
        ),
        Meaning("MAP_CHANGED", "it was carried, and given up: `map` has its pair copied in another one"),
    ),
    "Skipped": (
        Meaning(
            "STALE_ENTRY", "the entry came later than `max_entry_age_s`", "see why it was late: `why FILL`"
        ),
        Meaning("MARGIN_TRADE", "a margin trade; these are recorded and not copied"),
        Meaning("NO_COPIED_POSITION", "the master sold what copying does not hold for this user"),
        Meaning(
            "POSITION_BELOW_MINIMUM",
            "what copying holds is less than any order may be",
            "sell it by hand, or nothing",
        ),
        Meaning(
            "CAP_EXHAUSTED", "a cap leaves nothing that could be ordered; the copy's `cap` names its key"
        ),
        Meaning("PAIR_EXCLUDED", "`include` or `exclude` leaves this pair's entries out; exits go on"),
        Meaning("BELOW_MIN_COPY", "the copy of this order of the master would be below `min_copy_notional`"),
        Meaning("NOTHING_LEFT_OF_ORDER", "earlier fills of the same order have taken all that was due"),
        Meaning("NO_EQUITY", "the user has nothing to size by, or nobody knows what", "see its balances"),
        Meaning(
            "MASTER_EQUITY_UNKNOWN", "the master's balances are not known; they are read again by themselves"
        ),
        Meaning("UNKNOWN_PAIR", "the exchange lists no such pair", "look the pair up"),
        Meaning("NO_MARK", "no price is known to convert an amount by", "see whether its pair is listed"),
        Meaning(
            "NOTIONAL_NEEDS_CURRENCY",
            "an amount without a currency, in a pair whose quote is no money",
            'write notional = "50 USD"',
        ),
        Meaning(
            "ANSWERED_BEFORE", "answered by an order of before the ledger was brought back from a backup"
        ),
        Meaning("SAME_ACCOUNT", "the master's order was a copy of one of our own users"),
    ),
    "By the account's trading state": (
        Meaning(
            "TRADING_REDUCING",
            "an entry while trading was REDUCING: it ends, and is not made up for; its detail says who "
            "said so, when and why",
            "`krakencopy resume`, if it should trade",
        ),
        Meaning(
            "TRADING_HALTED",
            "while trading was HALTED no order left, and what was open was cancelled: an entry ends, an exit "
            "is owed and sold once that is lifted",
            "`krakencopy resume`, if it should trade",
        ),
        Meaning(
            "LIMIT_HIT",
            "a limit to losses was hit: an entry ends and is not made up for, an exit is owed where the "
            "limit halts; its detail names the limit with its numbers",
            "`krakencopy limits ID`, then `krakencopy reset-limit ID NAME --reason TEXT`",
        ),
        Meaning(
            "FLATTEN",
            "what copying held is owed as an exit, or an entry that was carried is given up, as somebody "
            "had the account flattened",
        ),
    ),
    "When a user is brought to the master's positions (a join, `krakencopy resync`, a deposit)": (
        Meaning(
            "RESYNC", "copying held more of the coin than its share of the master's: that is owed as an exit"
        ),
        Meaning(
            "SYNC_WORSE",
            "`sync_if_not_worse`: it costs more than the master has paid on average, or that is not known",
            "`krakencopy resync`, to buy all the same",
        ),
        Meaning("SYNC_NOT_NEEDED", "copying holds about its share of the coin already"),
    ),
    "Ended without a fill, or with a part": (
        Meaning("ENDED_UNFILLED", "the exchange ended the order before anything was filled"),
        Meaning(
            "SLIPPAGE_BOUND",
            "no more was to be had up to `max_slippage_bps` over the master's price",
            "if it happens often, see whether the bound is too narrow",
        ),
        Meaning("SELF_TRADE", "the order met one of the account's own", "take that order back"),
        Meaning(
            "NOT_THERE", "the coins of an exit are not there any more", "nothing, if they were sold by hand"
        ),
        Meaning("NEVER_ARRIVED", "the order is proven not to exist, and was not worth sending again"),
    ),
}

STATES = {
    "Before a process starts (WAITING)": WAITING,
    "While a process does not trade (STARTING, DEGRADED, STOPPING, BACKOFF)": NOT_TRADING,
    "Until an operator starts it again (FAILED)": FAILED,
}
