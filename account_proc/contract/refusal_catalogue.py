"""Every reason that a refused call may carry (google.rpc.ErrorInfo): what it means, and what to do. Published
in docs/api/reasons.md. Reasons are an interface: they are added, and neither renamed nor given another
meaning.
"""

from __future__ import annotations

#: Of both services: the request itself.
OF_REQUESTS = {
    "REQUEST_UNREADABLE": ("the bytes are no message of this RPC", "look at how the client writes it"),
    "FIELD_INVALID": ("a field is outside its bounds; google.rpc.BadRequest names it", "correct the field"),
    "REQUEST_ID_MISSING": ("`request_id` is empty", "give each action an id of its own"),
    "BAD_PAGE_TOKEN": ("`page_token` belongs to another question, or to none", "begin again without one"),
    "INTERNAL_FAULT": ("the process failed at it; its log has the stack", "report it"),
}
#: Of ControlService.
OF_CONTROL = {
    "ACCOUNT_NOT_FOUND": ("no account of this id is configured", "`krakencopy accounts` lists them"),
    "NOT_A_USER": ("the account copies nobody", "name a user"),
    "NO_NONCE": ("an account at another broker keeps no nonce file", "nothing"),
    "FILL_NOT_FOUND": ("the journal has no such fill", "`krakencopy fills` lists them"),
    "BAD_INTERVAL": ("`since` and `until` leave no time between them", "correct what the message names"),
    "AFTER_HEAD": ("a watch is to begin after what is not there yet", "list, and watch from there"),
    "NO_ACCOUNTS": ("neither accounts, nor groups, nor all are named", "name them"),
    "GROUP_NOT_FOUND": ("no account is in this group", "`krakencopy accounts` shows who is in which"),
    "STATES_NOT_WRITTEN": (
        "what was said of trading could not be written; it does not hold",
        "see the message, or `--offline`",
    ),
    "STATES_UNREADABLE": (
        "the file of trading states is gone or damaged: all accounts are HALTED",
        "`krakencopy resume --all --reason TEXT` makes it anew",
    ),
    "LIMIT_NOT_FOUND": ("no such limit, or none was hit", "`krakencopy limits` shows all there are"),
    "NO_ANSWER": ("the account's process has not answered", "ask again with the same request id"),
    "MASTER_NOT_READY": ("orders are taken while the master is healthy", "see why it is not"),
    "REQUEST_TOO_LARGE": ("the request has more than 64 KiB", "no field needs so much"),
    "TOO_MANY_CONNECTIONS": ("a client, or all, have too many to the control socket", "close some"),
    "TOO_MANY_CALLS": (
        "too many calls wait, of a client, of all, or for an account's process; nothing was done",
        "wait for their answers, then try again",
    ),
    "TOO_MANY_WATCHES": ("a client, or all, have too many watches", "end some"),
    "WRONG_PROCESS": ("what listens at the account's socket is not its process", "`krakencopy restart ID`"),
    "BAD_ASSET": ("no name of a coin", "write it as Kraken shows it"),
    "NOBODY_CONNECTED": ("no account is connected to the exchange, whose tables are needed", "try later"),
    "ALREADY_RENAMED": ("the coin has another new name already", "`krakencopy rename` with that one"),
    "NOT_RENAMED": ("the exchange's tables contradict it", "write both names as Kraken shows them"),
    "BAD_CONFIGURATION": ("the configuration file cannot be used; one fault a line", "correct the file"),
    "NO_CONFIGURATION_FILE": ("the run has no configuration file", "start it with `--config FILE`"),
    "NEEDS_RESTART": ("the change needs a restart of the supervisor", "restart it"),
    "SHUTTING_DOWN": ("the supervisor is stopping", "nothing: it reads the file at its next start"),
    "TARGET_NOT_FOUND": ("no account that copies, and no group, has this id", "name one of those there are"),
    "NOTHING_TO_SET": ("no key is given", "give `key=value`, or `key=` to take it back"),
    "KEY_NOT_SETTABLE": ("not a key of the copy rules", "write it in the file, then `krakencopy reload`"),
    "BAD_SETTING": ("a value cannot be, there or with the others; one fault a line", "correct what it names"),
    "LEAVES_ALREADY": (
        "the user leaves already, by the on_leave of then",
        "put it back first, or flatten it",
    ),
    "OWN_STRATEGY_TRADES": ("the user's own strategy trades until the master is back", "ask again then"),
    "MASTER_EQUITY_UNKNOWN": ("there is nothing to scale by", "see that the master is connected"),
    "AUDIT_NOT_READABLE": ("the audit log cannot be read", "see its files in the state folder"),
    "BAD_NAME": ("no name that can be recorded", "write letters, digits, and . _ @ -"),
    "ROLE_MISSING": ("no role is given", "name one: viewer, operator, trader, admin or owner"),
    "BAD_TTL": ("a credential lasts a minute at least, and ten years at most", "give another time"),
    "ACCOUNT_MISSING": ("an owner owns an account", "name it"),
    "ACCOUNT_NOT_MEANT": ("an account is an owner's alone", "leave it out, or take the role owner"),
    "TOO_MANY_CREDENTIALS": ("there are 1,000 tokens and certificates", "revoke some"),
    "TOKEN_NOT_FOUND": ("no such token", "`krakencopy token list` shows all"),
    "PRINCIPAL_NOT_FOUND": ("nothing was given to this name", "`krakencopy certificate list` shows all"),
    "CONFIGURED_PRINCIPAL": ("a name of the configuration", "take it out there, then `krakencopy reload`"),
    "BAD_CERTIFICATE_REQUEST": ("no certificate request that can be used", "see the message"),
    "NO_OWN_CA": ("krakencopy issues no certificates: no port, or your own CA", "see [control]"),
    "PAPER_EXCHANGE": ("the paper exchange did not take the change", "see its log"),
    "ALREADY_EXISTS": ("an account or a group has this id already", "choose another id, or update that one"),
    "BAD_ACCOUNT": ("it cannot be configured so; one fault a line", "correct what it names"),
    "BAD_GROUP": ("the same of a group", "correct what it names"),
    "OWNED_BY_FILE": ("the configuration file has it", "change it there, then `krakencopy reload`"),
    "ETAG_NOT_CURRENT": ("somebody has changed it since it was read", "read it again, then decide anew"),
    "UNKNOWN_FIELD": ("`update_mask` names no field that can be changed", "correct the path"),
    "CANNOT_CHANGE": ("the field stays as it was created", "delete it, and create another one"),
    "GROUP_HAS_MEMBERS": ("accounts belong to the group still", "give them another one, or none"),
    "CREDENTIALS_NOT_PERMITTED": (
        "accounts of the API may have keys from other folders only",
        "put the file there, or name its folder in `[control] credential_sources`",
    ),
    "KEY_NOT_FOUND": ("the source of the account's key gives none that can be used", "see to the source"),
    "KEY_LACKS_PERMISSION": ("the new key may not do what is needed", "give it that at Kraken, ask again"),
    "KEY_CAN_WITHDRAW": ("the new key may withdraw", "take that from it at Kraken, ask again"),
    "KEY_EXPIRED": ("the new key has expired", "make a new one"),
    "SAME_ACCOUNT": ("the new key opens the account of another one of ours", "give the right key"),
    "LOOKS_LIKE_A_SECRET": (
        "a field has what looks like an API key or a secret; it was not kept anywhere",
        "put it into a file on the server and name that; replace the key if it was one",
    ),
}
#: Of the gateway (client/gateway).
OF_GATEWAY = {
    "TOKEN_MISSING": ("the call carries no token", "send the header `authorization: Bearer TOKEN`"),
    "TOKENS_NOT_CHECKED": (
        "the supervisor takes calls with a token that nobody has, so the gateway passes none on",
        "run a krakencopyd of the same version",
    ),
    "GATEWAY_ENDS": ("the gateway is stopping", "connect again, and go on from the last number"),
}
#: Of orders.
OF_ORDERS = {
    "BAD_ORDER": ("what was asked for is no order; nothing was done", "correct what the message names"),
    "UNKNOWN_PAIR": ("the exchange lists no such pair", "write it like BTC/USD"),
    "ORDER_ID_MISSING": ("`order_id` is empty", "name the order by one of its ids"),
    "ORDER_NOT_FOUND": ("the account has no such order", "`krakencopy orders` lists the open ones"),
    "ORDER_OF_A_USER": ("only the master's orders are cancelled here", "cancel it at the exchange"),
    "CANCEL_OUTCOME_UNKNOWN": ("no answer that can be trusted: it may be cancelled", "ask again"),
    "NOT_CONNECTED": ("the account's process is not there, or has not reached the exchange", "see why"),
    "KEY_MAY_NOT_TRADE": ("the API key may not place orders", "give it the permission, or order there"),
    "TRADING_HALTED": ("trading is HALTED: no order leaves; the message says by whom", "`krakencopy resume`"),
    "TRADING_REDUCING": ("trading is REDUCING: nothing is bought", "`krakencopy resume`, or sell"),
    "LIMIT_HIT": (
        "a limit to losses was hit, which lets no such order leave; the message says which",
        "`krakencopy reset-limit ID NAME --reason TEXT`",
    ),
    "SHADOW": ("the account is a shadow: it sends nothing", "order or cancel at the exchange"),
    "KEY_MAY_NOT_CANCEL": ("the API key may not cancel orders", "give it the permission, or cancel there"),
    "REQUEST_ID_REUSED": ("the request id belongs to another order", "give the new order its own"),
    "EXCHANGE_REFUSED": (
        "the exchange refused it; its own text is in the metadata as `exchange_error`",
        "see its text",
    ),
    "BELOW_MINIMUM": ("the same: the order is too small", "ask for more"),
    "CL_ORD_ID_IN_USE": ("the same: an open order has this id", "look at the open orders"),
    "MARKET_REFUSED": ("the same: the account may not trade in this pair", "allow it at the exchange"),
    "INVALID_NONCE": ("the same, for the key's nonce", "give the account a key of its own"),
    "KEY_REFUSED": ("the same, for the key", "look the key up there"),
    "LOCKED_OUT": ("not sent: the key is locked out", "see what else uses the key"),
    "RATE_LIMITED": ("the same, for the rate", "try again later"),
    "ORDER_OUTCOME_UNKNOWN": (
        "no answer that can be trusted: it may have been placed",
        "ask again with the same request id",
    ),
    "LEDGER_FAULT": ("the account's ledger cannot be written; nothing was sent", "see room and rights"),
    "NONCE_FAULT": ("no nonce can be proven to be unused; nothing was sent", "`krakencopy nonce ID`"),
    "KEY_USED_ELSEWHERE": ("another program uses the key", "give the account a key of its own"),
    "EXCHANGE_ERROR": ("something is wrong between the account and the exchange", "see the message"),
    "ACCOUNT_ERROR": ("the account's process cannot do it", "see the message"),
}
#: Of AccountService, which the supervisor alone asks.
OF_ACCOUNTS = {
    "UNAUTHENTICATED": ("the caller is not the supervisor that started the process", "nothing"),
    "EPOCH_MISMATCH": ("the process belongs to another run of the supervisor", "nothing"),
    "NOT_MASTER": ("fills are asked of a master alone", "nothing"),
    "NOT_USER": ("fills are sent to users alone", "nothing"),
    "NOT_AT_KRAKEN": ("the account is at another broker", "nothing"),
    "NO_START": ("a conversation must begin with a start", "nothing"),
    "NOT_ADMITTED": ("the second message must be an admission", "nothing"),
    "FILL_GAP": ("a fill does not follow the last one", "nothing: the conversation begins again"),
    "FILL_INVALID": ("a fill that cannot be", "see docs/operations.md"),
    "FILL_DIFFERS": ("a fill came again with other content", "see docs/operations.md"),
    "LEDGER_OF_OTHER_JOURNAL": ("the ledger counts in another journal", "bring back its journal.db"),
    "LEDGER_BEHIND_JOURNAL": ("the ledger has lost something", "bring back the newest one"),
    "JOURNAL_BEHIND_LEDGER": ("the journal has lost something", "bring back the newest one"),
    "EXCHANGE": ("the exchange's tables could not be read", "try again"),
}
#: Errors of an account's process that end a call, and mostly the process.
OF_PROCESSES = {
    "BAD_CREDENTIALS": ("the exchange does not accept the key", "give the account a new key"),
    "LOCK_HELD": ("another process has the account's files or its key", "see which"),
    "DISK_NOT_WRITABLE": ("the disk is full; nothing was done", "make room, then ask again"),
    "OTHER_ACCOUNT": ("the key opens another account than the ledger's", "give the right key"),
    "FOREIGN_LEDGER": ("the ledger is about another exchange or mode", "bring back the right one"),
    "NEWER_LEDGER": ("a later version has written the ledger", "run that version"),
    "OUTCOME_UNKNOWN": ("the exchange gave no answer that can be trusted", "try again"),
    "SERVICE_TROUBLE": ("the exchange says that it has trouble", "try again later"),
    "NOTHING_TOLD": ("the exchange answered with nothing", "try again"),
    "NOT_SENT": ("nothing was sent to the exchange", "try again later"),
    "FRONT_REFUSES": ("a firewall or rate limiter answers instead of the exchange", "try again later"),
    "FEED_CUT": ("the feed was cut", "nothing: it is connected again"),
    "ORDER_NOT_SHOWN": ("an order that was acknowledged is not to be seen", "see the account's log"),
}

#: Of who calls from elsewhere, whatever the call (docs/security.md).
OF_CALLERS = {
    "CREDENTIALS_MISSING": ("the call shows neither a certificate nor a token", "show one"),
    "TOKEN_UNKNOWN": ("the token is none that is known", "ask an admin for one"),
    "TOKEN_EXPIRED": ("the token has expired", "ask an admin for another one"),
    "TOKEN_REVOKED": ("the token was revoked", "ask an admin for another one"),
    "CERTIFICATE_UNKNOWN": ("nobody of the certificate's name is known", "ask an admin for one"),
    "CERTIFICATE_EXPIRED": ("the certificate has expired", "ask an admin for another one"),
    "CERTIFICATE_REVOKED": ("the certificate was revoked", "ask an admin for another one"),
    "PRINCIPAL_CHANGED": ("what the caller may do has changed while it called", "ask again"),
    "PERMISSION_MISSING": ("the role may not do it; the metadata says what is needed", "ask an admin"),
    "NOT_FOR_OWNERS": ("the owner of one account may not do it", "ask an operator"),
    "NOT_YOUR_ACCOUNT": ("an owner names its own account", "name it, by its id"),
    "OWNERS_NEVER_LIFT": ("an owner stops, and lifts nothing", "ask an operator"),
}

#: All of them: what each means, and what to do about it.
REFUSALS = {
    **OF_REQUESTS, **OF_CALLERS, **OF_CONTROL, **OF_GATEWAY, **OF_ORDERS, **OF_ACCOUNTS, **OF_PROCESSES
}  # fmt: skip
