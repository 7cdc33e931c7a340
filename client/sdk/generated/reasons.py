"""Reasons of refused calls.

Made from the catalogue of refusals by tests/support/sdk.py.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """What ``KrakenCopyError.reason`` may be: `error.reason == Reason.NOT_A_USER`."""

    ACCOUNT_ERROR = "ACCOUNT_ERROR"
    """The account's process cannot do it"""
    ACCOUNT_MISSING = "ACCOUNT_MISSING"
    """An owner owns an account"""
    ACCOUNT_NOT_FOUND = "ACCOUNT_NOT_FOUND"
    """No account of this id is configured"""
    ACCOUNT_NOT_MEANT = "ACCOUNT_NOT_MEANT"
    """An account is an owner's alone"""
    AFTER_HEAD = "AFTER_HEAD"
    """A watch is to begin after what is not there yet"""
    ALREADY_EXISTS = "ALREADY_EXISTS"
    """An account or a group has this id already"""
    ALREADY_RENAMED = "ALREADY_RENAMED"
    """The coin has another new name already"""
    AUDIT_NOT_READABLE = "AUDIT_NOT_READABLE"
    """The audit log cannot be read"""
    BAD_ACCOUNT = "BAD_ACCOUNT"
    """It cannot be configured so; one fault a line"""
    BAD_ASSET = "BAD_ASSET"
    """No name of a coin"""
    BAD_CERTIFICATE_REQUEST = "BAD_CERTIFICATE_REQUEST"
    """No certificate request that can be used"""
    BAD_CONFIGURATION = "BAD_CONFIGURATION"
    """The configuration file cannot be used; one fault a line"""
    BAD_CREDENTIALS = "BAD_CREDENTIALS"
    """The exchange does not accept the key"""
    BAD_GROUP = "BAD_GROUP"
    """The same of a group"""
    BAD_INTERVAL = "BAD_INTERVAL"
    """`since` and `until` leave no time between them"""
    BAD_NAME = "BAD_NAME"
    """No name that can be recorded"""
    BAD_ORDER = "BAD_ORDER"
    """What was asked for is no order; nothing was done"""
    BAD_PAGE_TOKEN = "BAD_PAGE_TOKEN"
    """`page_token` belongs to another question, or to none"""
    BAD_SETTING = "BAD_SETTING"
    """A value cannot be, there or with the others; one fault a line"""
    BAD_TTL = "BAD_TTL"
    """A credential lasts a minute at least, and ten years at most"""
    BELOW_MINIMUM = "BELOW_MINIMUM"
    """The same: the order is too small"""
    CANCEL_OUTCOME_UNKNOWN = "CANCEL_OUTCOME_UNKNOWN"
    """No answer that can be trusted: it may be cancelled"""
    CANNOT_CHANGE = "CANNOT_CHANGE"
    """The field stays as it was created"""
    CERTIFICATE_EXPIRED = "CERTIFICATE_EXPIRED"
    """The certificate has expired"""
    CERTIFICATE_REVOKED = "CERTIFICATE_REVOKED"
    """The certificate was revoked"""
    CERTIFICATE_UNKNOWN = "CERTIFICATE_UNKNOWN"
    """Nobody of the certificate's name is known"""
    CL_ORD_ID_IN_USE = "CL_ORD_ID_IN_USE"
    """The same: an open order has this id"""
    COMPACTED = "COMPACTED"
    """What follows a watch's position was deleted"""
    CONFIGURED_PRINCIPAL = "CONFIGURED_PRINCIPAL"
    """A name of the configuration"""
    CREDENTIALS_MISSING = "CREDENTIALS_MISSING"
    """The call shows neither a certificate nor a token"""
    CREDENTIALS_NOT_PERMITTED = "CREDENTIALS_NOT_PERMITTED"
    """Accounts of the API may have keys from other folders only"""
    DISK_NOT_WRITABLE = "DISK_NOT_WRITABLE"
    """The disk is full; nothing was done"""
    EPOCH_MISMATCH = "EPOCH_MISMATCH"
    """The process belongs to another run of the supervisor"""
    ETAG_NOT_CURRENT = "ETAG_NOT_CURRENT"
    """Somebody has changed it since it was read"""
    EXCHANGE = "EXCHANGE"
    """The exchange's tables could not be read"""
    EXCHANGE_ERROR = "EXCHANGE_ERROR"
    """Something is wrong between the account and the exchange"""
    EXCHANGE_REFUSED = "EXCHANGE_REFUSED"
    """The exchange refused it; its own text is in the metadata as `exchange_error`"""
    FEED_CUT = "FEED_CUT"
    """The feed was cut"""
    FIELD_INVALID = "FIELD_INVALID"
    """A field is outside its bounds; google.rpc.BadRequest names it"""
    FILL_DIFFERS = "FILL_DIFFERS"
    """A fill came again with other content"""
    FILL_GAP = "FILL_GAP"
    """A fill does not follow the last one"""
    FILL_INVALID = "FILL_INVALID"
    """A fill that cannot be"""
    FILL_NOT_FOUND = "FILL_NOT_FOUND"
    """The journal has no such fill"""
    FOREIGN_LEDGER = "FOREIGN_LEDGER"
    """The ledger is about another exchange or mode"""
    FRONT_REFUSES = "FRONT_REFUSES"
    """A firewall or rate limiter answers instead of the exchange"""
    GATEWAY_ENDS = "GATEWAY_ENDS"
    """The gateway is stopping"""
    GROUP_HAS_MEMBERS = "GROUP_HAS_MEMBERS"
    """Accounts belong to the group still"""
    GROUP_NOT_FOUND = "GROUP_NOT_FOUND"
    """No account is in this group"""
    INTERNAL_FAULT = "INTERNAL_FAULT"
    """The process failed at it; its log has the stack"""
    INVALID_NONCE = "INVALID_NONCE"
    """The same, for the key's nonce"""
    JOURNAL_BEHIND_LEDGER = "JOURNAL_BEHIND_LEDGER"
    """The journal has lost something"""
    KEY_CAN_WITHDRAW = "KEY_CAN_WITHDRAW"
    """The new key may withdraw"""
    KEY_EXPIRED = "KEY_EXPIRED"
    """The new key has expired"""
    KEY_LACKS_PERMISSION = "KEY_LACKS_PERMISSION"
    """The new key may not do what is needed"""
    KEY_MAY_NOT_CANCEL = "KEY_MAY_NOT_CANCEL"
    """The API key may not cancel orders"""
    KEY_MAY_NOT_TRADE = "KEY_MAY_NOT_TRADE"
    """The API key may not place orders"""
    KEY_NOT_FOUND = "KEY_NOT_FOUND"
    """The source of the account's key gives none that can be used"""
    KEY_NOT_SETTABLE = "KEY_NOT_SETTABLE"
    """Not a key of the copy rules"""
    KEY_REFUSED = "KEY_REFUSED"
    """The same, for the key"""
    KEY_USED_ELSEWHERE = "KEY_USED_ELSEWHERE"
    """Another program uses the key"""
    LEAVES_ALREADY = "LEAVES_ALREADY"
    """The user leaves already, by the on_leave of then"""
    LEDGER_BEHIND_JOURNAL = "LEDGER_BEHIND_JOURNAL"
    """The ledger has lost something"""
    LEDGER_FAULT = "LEDGER_FAULT"
    """The account's ledger cannot be written; nothing was sent"""
    LEDGER_OF_OTHER_JOURNAL = "LEDGER_OF_OTHER_JOURNAL"
    """The ledger counts in another journal"""
    LIMIT_HIT = "LIMIT_HIT"
    """A limit to losses was hit, which lets no such order leave; the message says which"""
    LIMIT_NOT_FOUND = "LIMIT_NOT_FOUND"
    """No such limit, or none was hit"""
    LOCKED_OUT = "LOCKED_OUT"
    """Not sent: the key is locked out"""
    LOCK_HELD = "LOCK_HELD"
    """Another process has the account's files or its key"""
    LOOKS_LIKE_A_SECRET = "LOOKS_LIKE_A_SECRET"
    """A field has what looks like an API key or a secret; it was not kept anywhere"""
    MARKET_REFUSED = "MARKET_REFUSED"
    """The same: the account may not trade in this pair"""
    MASTER_EQUITY_UNKNOWN = "MASTER_EQUITY_UNKNOWN"
    """There is nothing to scale by"""
    MASTER_NOT_READY = "MASTER_NOT_READY"
    """Orders are taken while the master is healthy"""
    NEEDS_RESTART = "NEEDS_RESTART"
    """The change needs a restart of the supervisor"""
    NEWER_LEDGER = "NEWER_LEDGER"
    """A later version has written the ledger"""
    NOBODY_CONNECTED = "NOBODY_CONNECTED"
    """No account is connected to the exchange, whose tables are needed"""
    NONCE_FAULT = "NONCE_FAULT"
    """No nonce can be proven to be unused; nothing was sent"""
    NOTHING_TOLD = "NOTHING_TOLD"
    """The exchange answered with nothing"""
    NOTHING_TO_SET = "NOTHING_TO_SET"
    """No key is given"""
    NOT_ADMITTED = "NOT_ADMITTED"
    """The second message must be an admission"""
    NOT_AT_KRAKEN = "NOT_AT_KRAKEN"
    """The account is at another broker"""
    NOT_A_USER = "NOT_A_USER"
    """The account copies nobody"""
    NOT_CONNECTED = "NOT_CONNECTED"
    """The account's process is not there, or has not reached the exchange"""
    NOT_FOR_OWNERS = "NOT_FOR_OWNERS"
    """The owner of one account may not do it"""
    NOT_MASTER = "NOT_MASTER"
    """Fills are asked of a master alone"""
    NOT_RENAMED = "NOT_RENAMED"
    """The exchange's tables contradict it"""
    NOT_SENT = "NOT_SENT"
    """Nothing was sent to the exchange"""
    NOT_USER = "NOT_USER"
    """Fills are sent to users alone"""
    NOT_YOUR_ACCOUNT = "NOT_YOUR_ACCOUNT"
    """An owner names its own account"""
    NO_ACCOUNTS = "NO_ACCOUNTS"
    """Neither accounts, nor groups, nor all are named"""
    NO_ANSWER = "NO_ANSWER"
    """The account's process has not answered"""
    NO_CONFIGURATION_FILE = "NO_CONFIGURATION_FILE"
    """The run has no configuration file"""
    NO_NONCE = "NO_NONCE"
    """An account at another broker keeps no nonce file"""
    NO_OWN_CA = "NO_OWN_CA"
    """Krakencopy issues no certificates: no port, or your own CA"""
    NO_START = "NO_START"
    """A conversation must begin with a start"""
    ORDER_ID_MISSING = "ORDER_ID_MISSING"
    """`order_id` is empty"""
    ORDER_NOT_FOUND = "ORDER_NOT_FOUND"
    """The account has no such order"""
    ORDER_NOT_SHOWN = "ORDER_NOT_SHOWN"
    """An order that was acknowledged is not to be seen"""
    ORDER_OF_A_USER = "ORDER_OF_A_USER"
    """Only the master's orders are cancelled here"""
    ORDER_OUTCOME_UNKNOWN = "ORDER_OUTCOME_UNKNOWN"
    """No answer that can be trusted: it may have been placed"""
    OTHER_ACCOUNT = "OTHER_ACCOUNT"
    """The key opens another account than the ledger's"""
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    """The exchange gave no answer that can be trusted"""
    OWNED_BY_FILE = "OWNED_BY_FILE"
    """The configuration file has it"""
    OWNERS_NEVER_LIFT = "OWNERS_NEVER_LIFT"
    """An owner stops, and lifts nothing"""
    OWN_STRATEGY_TRADES = "OWN_STRATEGY_TRADES"
    """The user's own strategy trades until the master is back"""
    PAPER_EXCHANGE = "PAPER_EXCHANGE"
    """The paper exchange did not take the change"""
    PERMISSION_MISSING = "PERMISSION_MISSING"
    """The role may not do it; the metadata says what is needed"""
    PRINCIPAL_CHANGED = "PRINCIPAL_CHANGED"
    """What the caller may do has changed while it called"""
    PRINCIPAL_NOT_FOUND = "PRINCIPAL_NOT_FOUND"
    """Nothing was given to this name"""
    RATE_LIMITED = "RATE_LIMITED"
    """The same, for the rate"""
    REQUEST_ID_MISSING = "REQUEST_ID_MISSING"
    """`request_id` is empty"""
    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"
    """The request id belongs to another order"""
    REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"
    """The request has more than 64 KiB"""
    REQUEST_UNREADABLE = "REQUEST_UNREADABLE"
    """The bytes are no message of this RPC"""
    ROLE_MISSING = "ROLE_MISSING"
    """No role is given"""
    SAME_ACCOUNT = "SAME_ACCOUNT"
    """The new key opens the account of another one of ours"""
    SERVICE_TROUBLE = "SERVICE_TROUBLE"
    """The exchange says that it has trouble"""
    SHADOW = "SHADOW"
    """The account is a shadow: it sends nothing"""
    SHUTTING_DOWN = "SHUTTING_DOWN"
    """The supervisor is stopping"""
    STATES_NOT_WRITTEN = "STATES_NOT_WRITTEN"
    """What was said of trading could not be written; it does not hold"""
    STATES_UNREADABLE = "STATES_UNREADABLE"
    """The file of trading states is gone or damaged: all accounts are HALTED"""
    TARGET_NOT_FOUND = "TARGET_NOT_FOUND"
    """No account that copies, and no group, has this id"""
    TOKENS_NOT_CHECKED = "TOKENS_NOT_CHECKED"
    """The supervisor takes calls with a token that nobody has, so the gateway passes none on"""
    TOKEN_EXPIRED = "TOKEN_EXPIRED"
    """The token has expired"""
    TOKEN_MISSING = "TOKEN_MISSING"
    """The call carries no token"""
    TOKEN_NOT_FOUND = "TOKEN_NOT_FOUND"
    """No such token"""
    TOKEN_REVOKED = "TOKEN_REVOKED"
    """The token was revoked"""
    TOKEN_UNKNOWN = "TOKEN_UNKNOWN"
    """The token is none that is known"""
    TOO_MANY_CALLS = "TOO_MANY_CALLS"
    """Too many calls wait, of a client, of all, or for an account's process; nothing was done"""
    TOO_MANY_CONNECTIONS = "TOO_MANY_CONNECTIONS"
    """A client, or all, have too many to the control socket"""
    TOO_MANY_CREDENTIALS = "TOO_MANY_CREDENTIALS"
    """There are 1,000 tokens and certificates"""
    TOO_MANY_WATCHES = "TOO_MANY_WATCHES"
    """A client, or all, have too many watches"""
    TRADING_HALTED = "TRADING_HALTED"
    """Trading is HALTED: no order leaves; the message says by whom"""
    TRADING_REDUCING = "TRADING_REDUCING"
    """Trading is REDUCING: nothing is bought"""
    UNAUTHENTICATED = "UNAUTHENTICATED"
    """The caller is not the supervisor that started the process"""
    UNKNOWN_FIELD = "UNKNOWN_FIELD"
    """`update_mask` names no field that can be changed"""
    UNKNOWN_PAIR = "UNKNOWN_PAIR"
    """The exchange lists no such pair"""
    WRONG_PROCESS = "WRONG_PROCESS"
    """What listens at the account's socket is not its process"""


#: What each means, and what to do.
MEANINGS: dict[str, tuple[str, str]] = {
    "ACCOUNT_ERROR": ("the account's process cannot do it", "see the message"),
    "ACCOUNT_MISSING": ("an owner owns an account", "name it"),
    "ACCOUNT_NOT_FOUND": ("no account of this id is configured", "`krakencopy accounts` lists them"),
    "ACCOUNT_NOT_MEANT": ("an account is an owner's alone", "leave it out, or take the role owner"),
    "AFTER_HEAD": ("a watch is to begin after what is not there yet", "list, and watch from there"),
    "ALREADY_EXISTS": ("an account or a group has this id already", "choose another id, or update that one"),
    "ALREADY_RENAMED": ("the coin has another new name already", "`krakencopy rename` with that one"),
    "AUDIT_NOT_READABLE": ("the audit log cannot be read", "see its files in the state folder"),
    "BAD_ACCOUNT": ("it cannot be configured so; one fault a line", "correct what it names"),
    "BAD_ASSET": ("no name of a coin", "write it as Kraken shows it"),
    "BAD_CERTIFICATE_REQUEST": ("no certificate request that can be used", "see the message"),
    "BAD_CONFIGURATION": ("the configuration file cannot be used; one fault a line", "correct the file"),
    "BAD_CREDENTIALS": ("the exchange does not accept the key", "give the account a new key"),
    "BAD_GROUP": ("the same of a group", "correct what it names"),
    "BAD_INTERVAL": ("`since` and `until` leave no time between them", "correct what the message names"),
    "BAD_NAME": ("no name that can be recorded", "write letters, digits, and . _ @ -"),
    "BAD_ORDER": ("what was asked for is no order; nothing was done", "correct what the message names"),
    "BAD_PAGE_TOKEN": ("`page_token` belongs to another question, or to none", "begin again without one"),
    "BAD_SETTING": ("a value cannot be, there or with the others; one fault a line", "correct what it names"),
    "BAD_TTL": ("a credential lasts a minute at least, and ten years at most", "give another time"),
    "BELOW_MINIMUM": ("the same: the order is too small", "ask for more"),
    "CANCEL_OUTCOME_UNKNOWN": ("no answer that can be trusted: it may be cancelled", "ask again"),
    "CANNOT_CHANGE": ("the field stays as it was created", "delete it, and create another one"),
    "CERTIFICATE_EXPIRED": ("the certificate has expired", "ask an admin for another one"),
    "CERTIFICATE_REVOKED": ("the certificate was revoked", "ask an admin for another one"),
    "CERTIFICATE_UNKNOWN": ("nobody of the certificate's name is known", "ask an admin for one"),
    "CL_ORD_ID_IN_USE": ("the same: an open order has this id", "look at the open orders"),
    "COMPACTED": ("what follows a watch's position was deleted", "list, and watch from there"),
    "CONFIGURED_PRINCIPAL": ("a name of the configuration", "take it out there, then `krakencopy reload`"),
    "CREDENTIALS_MISSING": ("the call shows neither a certificate nor a token", "show one"),
    "CREDENTIALS_NOT_PERMITTED": (
        "accounts of the API may have keys from other folders only",
        "put the file there, or name its folder in `[control] credential_sources`",
    ),
    "DISK_NOT_WRITABLE": ("the disk is full; nothing was done", "make room, then ask again"),
    "EPOCH_MISMATCH": ("the process belongs to another run of the supervisor", ""),
    "ETAG_NOT_CURRENT": ("somebody has changed it since it was read", "read it again, then decide anew"),
    "EXCHANGE": ("the exchange's tables could not be read", "try again"),
    "EXCHANGE_ERROR": ("something is wrong between the account and the exchange", "see the message"),
    "EXCHANGE_REFUSED": (
        "the exchange refused it; its own text is in the metadata as `exchange_error`",
        "see its text",
    ),
    "FEED_CUT": ("the feed was cut", "nothing: it is connected again"),
    "FIELD_INVALID": ("a field is outside its bounds; google.rpc.BadRequest names it", "correct the field"),
    "FILL_DIFFERS": ("a fill came again with other content", "see docs/operations.md"),
    "FILL_GAP": ("a fill does not follow the last one", "nothing: the conversation begins again"),
    "FILL_INVALID": ("a fill that cannot be", "see docs/operations.md"),
    "FILL_NOT_FOUND": ("the journal has no such fill", "`krakencopy fills` lists them"),
    "FOREIGN_LEDGER": ("the ledger is about another exchange or mode", "bring back the right one"),
    "FRONT_REFUSES": ("a firewall or rate limiter answers instead of the exchange", "try again later"),
    "GATEWAY_ENDS": ("the gateway is stopping", "connect again, and go on from the last number"),
    "GROUP_HAS_MEMBERS": ("accounts belong to the group still", "give them another one, or none"),
    "GROUP_NOT_FOUND": ("no account is in this group", "`krakencopy accounts` shows who is in which"),
    "INTERNAL_FAULT": ("the process failed at it; its log has the stack", "report it"),
    "INVALID_NONCE": ("the same, for the key's nonce", "give the account a key of its own"),
    "JOURNAL_BEHIND_LEDGER": ("the journal has lost something", "bring back the newest one"),
    "KEY_CAN_WITHDRAW": ("the new key may withdraw", "take that from it at Kraken, ask again"),
    "KEY_EXPIRED": ("the new key has expired", "make a new one"),
    "KEY_LACKS_PERMISSION": ("the new key may not do what is needed", "give it that at Kraken, ask again"),
    "KEY_MAY_NOT_CANCEL": ("the API key may not cancel orders", "give it the permission, or cancel there"),
    "KEY_MAY_NOT_TRADE": ("the API key may not place orders", "give it the permission, or order there"),
    "KEY_NOT_FOUND": ("the source of the account's key gives none that can be used", "see to the source"),
    "KEY_NOT_SETTABLE": ("not a key of the copy rules", "write it in the file, then `krakencopy reload`"),
    "KEY_REFUSED": ("the same, for the key", "look the key up there"),
    "KEY_USED_ELSEWHERE": ("another program uses the key", "give the account a key of its own"),
    "LEAVES_ALREADY": (
        "the user leaves already, by the on_leave of then",
        "put it back first, or flatten it",
    ),
    "LEDGER_BEHIND_JOURNAL": ("the ledger has lost something", "bring back the newest one"),
    "LEDGER_FAULT": ("the account's ledger cannot be written; nothing was sent", "see room and rights"),
    "LEDGER_OF_OTHER_JOURNAL": ("the ledger counts in another journal", "bring back its journal.db"),
    "LIMIT_HIT": (
        "a limit to losses was hit, which lets no such order leave; the message says which",
        "`krakencopy reset-limit ID NAME --reason TEXT`",
    ),
    "LIMIT_NOT_FOUND": ("no such limit, or none was hit", "`krakencopy limits` shows all there are"),
    "LOCKED_OUT": ("not sent: the key is locked out", "see what else uses the key"),
    "LOCK_HELD": ("another process has the account's files or its key", "see which"),
    "LOOKS_LIKE_A_SECRET": (
        "a field has what looks like an API key or a secret; it was not kept anywhere",
        "put it into a file on the server and name that; replace the key if it was one",
    ),
    "MARKET_REFUSED": ("the same: the account may not trade in this pair", "allow it at the exchange"),
    "MASTER_EQUITY_UNKNOWN": ("there is nothing to scale by", "see that the master is connected"),
    "MASTER_NOT_READY": ("orders are taken while the master is healthy", "see why it is not"),
    "NEEDS_RESTART": ("the change needs a restart of the supervisor", "restart it"),
    "NEWER_LEDGER": ("a later version has written the ledger", "run that version"),
    "NOBODY_CONNECTED": ("no account is connected to the exchange, whose tables are needed", "try later"),
    "NONCE_FAULT": ("no nonce can be proven to be unused; nothing was sent", "`krakencopy nonce ID`"),
    "NOTHING_TOLD": ("the exchange answered with nothing", "try again"),
    "NOTHING_TO_SET": ("no key is given", "give `key=value`, or `key=` to take it back"),
    "NOT_ADMITTED": ("the second message must be an admission", ""),
    "NOT_AT_KRAKEN": ("the account is at another broker", ""),
    "NOT_A_USER": ("the account copies nobody", "name a user"),
    "NOT_CONNECTED": ("the account's process is not there, or has not reached the exchange", "see why"),
    "NOT_FOR_OWNERS": ("the owner of one account may not do it", "ask an operator"),
    "NOT_MASTER": ("fills are asked of a master alone", ""),
    "NOT_RENAMED": ("the exchange's tables contradict it", "write both names as Kraken shows them"),
    "NOT_SENT": ("nothing was sent to the exchange", "try again later"),
    "NOT_USER": ("fills are sent to users alone", ""),
    "NOT_YOUR_ACCOUNT": ("an owner names its own account", "name it, by its id"),
    "NO_ACCOUNTS": ("neither accounts, nor groups, nor all are named", "name them"),
    "NO_ANSWER": ("the account's process has not answered", "ask again with the same request id"),
    "NO_CONFIGURATION_FILE": ("the run has no configuration file", "start it with `--config FILE`"),
    "NO_NONCE": ("an account at another broker keeps no nonce file", ""),
    "NO_OWN_CA": ("krakencopy issues no certificates: no port, or your own CA", "see [control]"),
    "NO_START": ("a conversation must begin with a start", ""),
    "ORDER_ID_MISSING": ("`order_id` is empty", "name the order by one of its ids"),
    "ORDER_NOT_FOUND": ("the account has no such order", "`krakencopy orders` lists the open ones"),
    "ORDER_NOT_SHOWN": ("an order that was acknowledged is not to be seen", "see the account's log"),
    "ORDER_OF_A_USER": ("only the master's orders are cancelled here", "cancel it at the exchange"),
    "ORDER_OUTCOME_UNKNOWN": (
        "no answer that can be trusted: it may have been placed",
        "ask again with the same request id",
    ),
    "OTHER_ACCOUNT": ("the key opens another account than the ledger's", "give the right key"),
    "OUTCOME_UNKNOWN": ("the exchange gave no answer that can be trusted", "try again"),
    "OWNED_BY_FILE": ("the configuration file has it", "change it there, then `krakencopy reload`"),
    "OWNERS_NEVER_LIFT": ("an owner stops, and lifts nothing", "ask an operator"),
    "OWN_STRATEGY_TRADES": ("the user's own strategy trades until the master is back", "ask again then"),
    "PAPER_EXCHANGE": ("the paper exchange did not take the change", "see its log"),
    "PERMISSION_MISSING": ("the role may not do it; the metadata says what is needed", "ask an admin"),
    "PRINCIPAL_CHANGED": ("what the caller may do has changed while it called", "ask again"),
    "PRINCIPAL_NOT_FOUND": ("nothing was given to this name", "`krakencopy certificate list` shows all"),
    "RATE_LIMITED": ("the same, for the rate", "try again later"),
    "REQUEST_ID_MISSING": ("`request_id` is empty", "give each action an id of its own"),
    "REQUEST_ID_REUSED": ("the request id belongs to another order", "give the new order its own"),
    "REQUEST_TOO_LARGE": ("the request has more than 64 KiB", "no field needs so much"),
    "REQUEST_UNREADABLE": ("the bytes are no message of this RPC", "look at how the client writes it"),
    "ROLE_MISSING": ("no role is given", "name one: viewer, operator, trader, admin or owner"),
    "SAME_ACCOUNT": ("the new key opens the account of another one of ours", "give the right key"),
    "SERVICE_TROUBLE": ("the exchange says that it has trouble", "try again later"),
    "SHADOW": ("the account is a shadow: it sends nothing", "order or cancel at the exchange"),
    "SHUTTING_DOWN": ("the supervisor is stopping", "nothing: it reads the file at its next start"),
    "STATES_NOT_WRITTEN": (
        "what was said of trading could not be written; it does not hold",
        "see the message, or `--offline`",
    ),
    "STATES_UNREADABLE": (
        "the file of trading states is gone or damaged: all accounts are HALTED",
        "`krakencopy resume --all --reason TEXT` makes it anew",
    ),
    "TARGET_NOT_FOUND": ("no account that copies, and no group, has this id", "name one of those there are"),
    "TOKENS_NOT_CHECKED": (
        "the supervisor takes calls with a token that nobody has, so the gateway passes none on",
        "run a krakencopyd of the same version",
    ),
    "TOKEN_EXPIRED": ("the token has expired", "ask an admin for another one"),
    "TOKEN_MISSING": ("the call carries no token", "send the header `authorization: Bearer TOKEN`"),
    "TOKEN_NOT_FOUND": ("no such token", "`krakencopy token list` shows all"),
    "TOKEN_REVOKED": ("the token was revoked", "ask an admin for another one"),
    "TOKEN_UNKNOWN": ("the token is none that is known", "ask an admin for one"),
    "TOO_MANY_CALLS": (
        "too many calls wait, of a client, of all, or for an account's process; nothing was done",
        "wait for their answers, then try again",
    ),
    "TOO_MANY_CONNECTIONS": ("a client, or all, have too many to the control socket", "close some"),
    "TOO_MANY_CREDENTIALS": ("there are 1,000 tokens and certificates", "revoke some"),
    "TOO_MANY_WATCHES": ("a client, or all, have too many watches", "end some"),
    "TRADING_HALTED": ("trading is HALTED: no order leaves; the message says by whom", "`krakencopy resume`"),
    "TRADING_REDUCING": ("trading is REDUCING: nothing is bought", "`krakencopy resume`, or sell"),
    "UNAUTHENTICATED": ("the caller is not the supervisor that started the process", ""),
    "UNKNOWN_FIELD": ("`update_mask` names no field that can be changed", "correct the path"),
    "UNKNOWN_PAIR": ("the exchange lists no such pair", "write it like BTC/USD"),
    "WRONG_PROCESS": ("what listens at the account's socket is not its process", "`krakencopy restart ID`"),
}
