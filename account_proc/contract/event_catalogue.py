"""Every code that an event may have, which for a condition that does not hold is its reason: what it means,
and what to do. Published as docs/events.md. Codes are an interface: they are added, and neither renamed nor
given another meaning. What a process ends for is the reason of ACCOUNT_STATE_CHANGED (docs/operations.md).
"""

from __future__ import annotations

from krakencopy.account_proc.contract.condition_reasons import CONDITIONS
from krakencopy.account_proc.contract.event_entry import ERROR, INFO, WARNING, Entry

#: What holds up nothing else: a pair, or a row of an answer (account_proc/notices/unreadable.py).
NOTICES = (
    Entry(
        "UNKNOWN_PAIR",
        WARNING,
        "a trade in a pair that the exchange does not list; it is not copied",
        "look the pair up",
        ends=True,
    ),
    Entry(
        "NOT_LISTED",
        WARNING,
        "something is held in a pair that is not listed any more",
        "look the coin up",
        ends=True,
    ),
    Entry(
        "TRADE_UNREADABLE",
        WARNING,
        "a row of the trade history cannot be read; it is not copied",
        "look it up",
        ends=True,
    ),
    Entry(
        "BALANCE_UNREADABLE", WARNING, "how much is held of an asset is not known", "look it up", ends=True
    ),
    Entry("ROW_UNREADABLE", WARNING, "another row of an answer cannot be read; it is left out", ends=True),
    Entry(
        "MARKET_REFUSED",
        WARNING,
        "the account may not trade in this pair",
        "allow it at the exchange, or leave it",
        ends=True,
    ),
    Entry(
        "NO_PRICE",
        WARNING,
        "no price of an asset that is held: it counts for nothing",
        "`reserve` leaves it out",
        ends=True,
    ),
    Entry(
        "PATTERN_MATCHES_NOTHING",
        WARNING,
        "a pattern of `include`, `exclude`, `pairs` or `map` matches no pair that is listed",
        "correct it, or leave it",
        ends=True,
    ),
    Entry(
        "MAPPED_PAIR_NOT_LISTED",
        WARNING,
        "by `map` pairs are copied in others, and the exchange lists none of these: entries are skipped",
        "correct the map, or leave it",
        ends=True,
    ),
    Entry(
        "UNKNOWN_CURRENCY",
        WARNING,
        "an amount of the copy rules is in a currency that the exchange does not have: entries are skipped",
        'write it with another one, such as "50 USD"',
        ends=True,
    ),
    Entry(
        "LIMIT_WARNED",
        WARNING,
        "a part of what a limit lets be lost is lost (`warn_at`); once in a window, with which it is over "
        "(and once more with each start of the supervisor)",
        "`krakencopy limits ID` shows how much",
        ends=True,
    ),
)

#: What an account's conversation with the supervisor is refused for: it is DEGRADED with that reason, and
#: nothing is copied from it or by it, until somebody has looked.
REFUSALS = (
    Entry(
        "LEDGER_BEHIND_JOURNAL",
        ERROR,
        "a user's ledger was deleted, or an old one brought back",
        "restore the newest `accounts/ID.db`, then `krakencopy restart ID`",
    ),
    Entry(
        "LEDGER_OF_OTHER_JOURNAL",
        ERROR,
        "a user's ledger counts in another journal than the one that is there",
        "bring back the journal.db it belongs to",
    ),
    Entry(
        "JOURNAL_BEHIND_LEDGER",
        ERROR,
        "an older journal was brought back",
        "restore the newest journal.db with its -wal file",
    ),
    Entry(
        "JOURNAL_DIFFERS",
        ERROR,
        "the journal has another fill under a number than a user's ledger",
        "restore the newest journal.db with its -wal file",
    ),
    Entry(
        "FILL_INVALID",
        ERROR,
        "the master's process sent a fill that cannot be; nobody copied it",
        "`krakencopy restart ID`",
    ),
    Entry(
        "FILL_DIFFERS",
        ERROR,
        "a fill came again with other content",
        "compare it with the trade at the exchange, then `krakencopy restart ID`",
    ),
    Entry(
        "WRONG_PROCESS",
        ERROR,
        "another process listens at the account's socket",
        "see which (the message has its pid), then `krakencopy restart ID`",
    ),
    Entry(
        "EPOCH_MISMATCH",
        ERROR,
        "the process belongs to another run of the supervisor",
        "`krakencopy restart ID`, and report it",
    ),
    Entry("NOT_MASTER", ERROR, "the process is not a master's", "`krakencopy restart ID`, and report it"),
    Entry("NOT_USER", ERROR, "the process copies nobody", "`krakencopy restart ID`, and report it"),
)

#: What happens once.
HAPPENINGS = (
    Entry("STARTED", INFO, "the supervisor has started"),
    Entry(
        "LAST_RUN_CUT_OFF",
        WARNING,
        "the supervisor's run before did not come to its own end; data has when and why",
        "see to the cause",
    ),
    Entry(
        "CONTROL_RESTARTED",
        WARNING,
        "the process that serves the control API ended, or did not answer; another one serves, and copying "
        "was not touched",
        "if it comes again, see the message and logs/control.crash, and what else uses the API",
    ),
    Entry(
        "COPY_REFUSED",
        WARNING,
        "the exchange refused copies; one event for an account and reason in a period, data has the count",
        "see the reason",
    ),
    Entry("SHUTDOWN", INFO, "the supervisor was asked to end"),
    Entry(
        "SHUTDOWN_HURRIED",
        WARNING,
        "it was asked not to wait; what is in flight is taken up at the next start",
    ),
    Entry("TOKEN_CREATED", WARNING, "a token was made, by which somebody may call the control API"),
    Entry("CERTIFICATE_ISSUED", WARNING, "a client certificate was issued, with which somebody may call"),
    Entry("CREDENTIAL_REVOKED", WARNING, "a token or a certificate was revoked; it is refused from now on"),
    Entry("CERTIFICATES_RENEWED", INFO, "the control API's certificates were made anew, or read again"),
    Entry(
        "CERTIFICATES_FAULT",
        ERROR,
        "the control API's certificates cannot be read or made; those of before are used on",
        "see to what it names, before they expire",
    ),
    Entry("RELOADED", INFO, "another configuration holds"),
    Entry(
        "RELOAD_REFUSED",
        WARNING,
        "a configuration was not taken; nothing was changed",
        "correct what it names",
    ),
    Entry(
        "ACCOUNT_STATE_CHANGED",
        INFO,
        "an account stands elsewhere; ERROR for FAILED, WARNING for BACKOFF and DEGRADED, but for users that "
        "only wait for their master; data has from, to and the reason",
    ),
    Entry(
        "STILL_WAITING",
        ERROR,
        "reminder: accounts wait for something",
        "see what for: `krakencopy accounts ID`",
    ),
    Entry("STILL_DEGRADED", ERROR, "reminder: accounts are not ready", "see why: `krakencopy accounts ID`"),
    Entry(
        "KRAKEN_USER_BLOCKED",
        ERROR,
        "a user cannot start, for what is wrong with the master; more than three are one event",
        "look at the master: `krakencopy status`",
    ),
    Entry(
        "USER_WITHOUT_MASTER", WARNING, "a user of another broker starts without a healthy master of its own"
    ),
    Entry("MASTER_READY", INFO, "the master is healthy; users may start"),
    Entry(
        "MASTER_LOST",
        ERROR,
        "the master cannot trade; the message says why",
        "see why: a new process seldom helps",
    ),
    Entry(
        "MANY_FAILED",
        ERROR,
        "many processes ended at once; starts are held back",
        "look at the machine",
        ends=True,
    ),
    Entry("OWN_STRATEGY_ON", WARNING, "the master is lost; a user's own strategy trades"),
    Entry("OWN_STRATEGY_OFF", INFO, "fills are copied again; a user's own strategy is off"),
    Entry(
        "SETTING_CHANGED",
        INFO,
        "a value of the copy rules was set while running, or taken back; data has target (empty for all), "
        "key, old, new and set_by",
    ),
    Entry(
        "SETTINGS_DIFFER",
        INFO,
        "at a start or a reload: accounts go by values that were set while running and not by the file's",
        "`krakencopy accounts ID --rules` shows both",
    ),
    Entry(
        "SETTING_WITHOUT_EFFECT",
        WARNING,
        "a value that was set while running has no effect as the file is now; it is kept; data has target "
        "and key",
        "change the file, or take it back: `krakencopy set ID --unset KEY`",
    ),
    Entry("ACCOUNT_CREATED", INFO, "an account was configured over the API; data has by whom"),
    Entry("ACCOUNT_UPDATED", INFO, "an account of the API was changed; the message names its fields"),
    Entry("ACCOUNT_DELETED", INFO, "an account of the API was deleted; what it holds leaves as was said"),
    Entry(
        "CREDENTIALS_ROTATED",
        INFO,
        "an account works with another API key from its next process on; data has by whom and fingerprints",
    ),
    Entry(
        "CREDENTIALS_REFUSED",
        WARNING,
        "an account's new API key was tried and not taken; the old one is in use",
        "see its words; correct the key or its source, then `krakencopy rotate-credentials ID`",
    ),
    Entry("GROUP_CREATED", INFO, "a group was configured over the API"),
    Entry("GROUP_UPDATED", INFO, "a group of the API was changed; the message names its fields"),
    Entry("GROUP_DELETED", INFO, "a group of the API was deleted"),
    Entry(
        "ACCOUNT_LEFT_OUT",
        ERROR,
        "an account or a group of the API does not go together with the configuration file, and does not run",
        "see its words; correct the file, or `krakencopy account update ID`",
    ),
    Entry(
        "TRADING_STATE_CHANGED",
        WARNING,
        "accounts may trade something else from now on, by an operator's or a limit's word; data has the "
        "scope (all, group:ID, account:ID), the state, by whom and why; INFO where something was lifted",
    ),
    Entry(
        "FLATTEN_REQUESTED",
        WARNING,
        "an account is to sell all that copying bought, and buys nothing from then on",
        "`krakencopy accounts ID` shows how far it has come",
    ),
    Entry(
        "FLATTEN_TAKEN_BACK",
        WARNING,
        "what of an account's flatten is not sold yet is held again (`krakencopy flatten ID --cancel`)",
        "what it may trade has stayed: `krakencopy resume ID` lifts that",
    ),
    Entry(
        "COPY_REQUESTED",
        INFO,
        "users are asked to copy one fill of the master; data has the fill, by whom, and which users",
        "`krakencopy why FILL` shows what became of it",
    ),
    Entry(
        "TRADING_STATE_NOT_KEPT",
        ERROR,
        "an account's process has not said that it keeps to what was said of trading",
        "`krakencopy restart ID`",
        ends=True,
    ),
    Entry(
        "TRADING_STATES_UNREADABLE",
        ERROR,
        "the file of trading states is gone or damaged: all accounts are HALTED",
        "`krakencopy resume --all --reason TEXT` makes it anew",
        ends=True,
    ),
    Entry(
        "HALTED_ORDER_OPEN",
        ERROR,
        "trading is HALTED, and an open order of copying could not be cancelled, as its key may not",
        "cancel it at the exchange",
    ),
    Entry(
        "LIMIT_RESET",
        WARNING,
        "somebody has reset limits to losses, which begin anew; data has their names, by whom and why",
    ),
    Entry(
        "SYNC_REQUESTED",
        INFO,
        "a user is to be brought to the master's positions, by an operator or as a deposit came in",
    ),
    Entry("SYNC_TAKEN", INFO, "its ledger has taken that; its copies say what became of it"),
    Entry(
        "ACCOUNT_LEAVING",
        WARNING,
        "a user was taken out of the configuration and stays until copying holds nothing of it (`on_leave`)",
        "`krakencopy accounts ID` shows what is left; put it back to keep it",
    ),
    Entry("ACCOUNT_RETURNED", INFO, "a user that was leaving is in the configuration again, and stays"),
    Entry("ACCOUNT_LEFT", INFO, "a user that was leaving has nothing left that could be sold, and is gone"),
    Entry(
        "LEAVER_LEFT_OUT",
        ERROR,
        "a user that was leaving does not go together with the configuration: nothing of it is sold",
        "see its words; put it back, or sell its coins by hand",
    ),
    Entry("PAUSED", WARNING, "an operator has paused a user"),
    Entry("RESUMED", INFO, "an operator has resumed a user"),
    Entry(
        "REMOVED_WITH_OPEN_COPIES",
        WARNING,
        "a removed account left copies without a known end",
        "look at its orders",
    ),
    Entry("ASSET_RENAMED", WARNING, "a coin has another name; positions follow it"),
    Entry("RENAME_CONTRADICTS", ERROR, "a coin's new name contradicts what is known", "`krakencopy rename`"),
    Entry(
        "FILL_NOT_COPIED",
        ERROR,
        "a fill of the master is an order of a user's; it is not copied",
        "give each its own account",
    ),
    Entry("COINS_LEFT", WARNING, "coins left the master without a trade; INFO for money"),
    Entry("COINS_CAME", INFO, "coins came to the master without a trade"),
    Entry("COINS_LOCKED", INFO, "coins of the master were locked, or are free again"),
    Entry("MASTER_EQUITY_UNKNOWN", WARNING, "the master's equity is not known; entries are not sized by it"),
    Entry(
        "AUDIT_NOT_WRITTEN",
        ERROR,
        "the audit log cannot be written: calls that stop trading go on, others are refused",
        "make room, or see to the folder that it names",
        ends=True,
    ),
    Entry(
        "AUDIT_BROKEN",
        ERROR,
        "the audit log is not what was written: changed, cut, or replaced; a new chain names it",
        "`krakencopy audit verify`; find out who has written there, and bring back a copy to compare with",
    ),
    Entry(
        "AUDIT_REPAIRED",
        INFO,
        "the last line of the audit log was half written, as by a loss of power, and was completed or taken "
        "away",
    ),
    Entry(
        "AUDIT_CALLS_CUT_OFF",
        WARNING,
        "calls had begun when the run before ended, and nobody knows what came of them",
        "look at the accounts; asking again with the same request id is safe",
    ),
)

ENTRIES = (*(entry for entries in CONDITIONS.values() for entry in entries), *NOTICES, *REFUSALS, *HAPPENINGS)
BY_CODE = {entry.code: entry for entry in ENTRIES}
