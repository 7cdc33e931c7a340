"""Every error that an account's process raises on purpose, and the exit code that each one ends it with.

AccountError
├── ConfigurationFault      what the process was given cannot work            exit 78, not restarted
├── CredentialsFault        the exchange does not accept the key             exit 77, not restarted
├── LockHeld                someone else has the nonce file or the API key   exit 76, not restarted
├── NonceFault              the next nonce cannot be proven to be unused     exit 77, not restarted
│   └── KeyUsedElsewhere    another program uses the key, now                exit 81, not restarted
├── OtherAccount            the key is of another account than the ledger    exit 79, not restarted
├── LedgerFault             the ledger is damaged or behind                  exit 74, restarted within limits
│   ├── ForeignLedger       the ledger is of another exchange or mode        exit 80, not restarted
│   ├── NewerLedger         a later version has written the ledger           exit 82, not restarted
│   └── NoRoom              the disk is full                                 exit 83, restarted with room
└── ExchangeError
    ├── ExchangeRefused     a definite answer: nothing was done
    │   ├── BelowMinimum    the order is too small by the exchange's rules of now (kraken/errors.py)
    │   ├── InvalidNonce
    │   ├── MarketRefused   the account may not trade in this pair (kraken/errors.py)
    │   ├── KeyRefused      invalid key, signature or permission, lockout
    │   └── RateLimited
    └── OutcomeUnknown      no answer that can be trusted: the request may have been carried out
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How an account's process ends. 70, 74, 77 and 78 are sysexits.h; the others are ours. Names are
    reasons of FAILED.
    """

    OK = 0
    CRASHED = 70  # EX_SOFTWARE
    LEDGER = 74  # EX_IOERR
    LOCK_HELD = 76
    CREDENTIALS = 77  # EX_NOPERM
    CONFIGURATION = 78  # EX_CONFIG
    OTHER_ACCOUNT = 79
    FOREIGN_LEDGER = 80
    KEY_USED_ELSEWHERE = 81
    NEWER_LEDGER = 82
    NO_ROOM = 83


#: The supervisor does not start these again by itself: a second try cannot end differently.
FINAL_EXIT_CODES = frozenset(
    {
        ExitCode.LOCK_HELD,
        ExitCode.CREDENTIALS,
        ExitCode.CONFIGURATION,
        ExitCode.OTHER_ACCOUNT,
        ExitCode.FOREIGN_LEDGER,
        ExitCode.KEY_USED_ELSEWHERE,
        ExitCode.NEWER_LEDGER,
    }
)


class AccountError(Exception):
    """Base of all errors that this package raises on purpose."""

    exit_code = ExitCode.CRASHED
    #: Stable code for status, events and logs.
    reason = "ACCOUNT_ERROR"


class ConfigurationFault(AccountError):
    """What the process was given cannot work."""

    exit_code = ExitCode.CONFIGURATION
    reason = "BAD_CONFIGURATION"


class CredentialsFault(AccountError):
    """The exchange does not accept the key, or the key may do too little."""

    exit_code = ExitCode.CREDENTIALS
    reason = "BAD_CREDENTIALS"


class LockHeld(AccountError):
    """Another process has the nonce file or the API key."""

    exit_code = ExitCode.LOCK_HELD
    reason = "LOCK_HELD"

    def __init__(self, what: str, path: str, holder_pid: int | None) -> None:
        self.path = path
        self.holder_pid = holder_pid
        holder = f"process {holder_pid}" if holder_pid else "another process"
        super().__init__(f"{what} is in use by {holder} (lock on {path}); stop it, or use another one")


class NonceFault(AccountError):
    """The next nonce cannot be proven to be larger than every nonce used."""

    exit_code = ExitCode.CREDENTIALS
    reason = "NONCE_FAULT"


class KeyUsedElsewhere(NonceFault):
    """Another program signs with this key while this one runs: two that do not know of each other trade
    one account.
    """

    exit_code = ExitCode.KEY_USED_ELSEWHERE
    reason = "KEY_USED_ELSEWHERE"


class OtherAccount(AccountError):
    """The key opens another account at the exchange than the one that the ledger is about."""

    exit_code = ExitCode.OTHER_ACCOUNT
    reason = "OTHER_ACCOUNT"


class LedgerFault(AccountError):
    """The user's ledger is damaged, belongs to another account, or lost something."""

    exit_code = ExitCode.LEDGER
    reason = "LEDGER_FAULT"


class ForeignLedger(LedgerFault):
    """The ledger is about another exchange or mode than this run, or does not say about which."""

    exit_code = ExitCode.FOREIGN_LEDGER
    reason = "FOREIGN_LEDGER"


class NewerLedger(LedgerFault):
    """A later version of krakencopy has written the ledger. Nothing was changed."""

    exit_code = ExitCode.NEWER_LEDGER
    reason = "NEWER_LEDGER"


class NoRoom(LedgerFault):
    """The disk is full. What was written is there, and nothing more is done before more can be written."""

    exit_code = ExitCode.NO_ROOM
    reason = "DISK_NOT_WRITABLE"


class ExchangeError(AccountError):
    """Something went wrong between this process and the exchange."""

    reason = "EXCHANGE_ERROR"


class ExchangeRefused(ExchangeError):
    """A definite answer of the exchange: the request was not carried out.

    ``errors`` are Kraken's own strings, e.g. ``("EOrder:Insufficient funds",)``.
    """

    reason = "EXCHANGE_REFUSED"

    def __init__(self, method: str, errors: tuple[str, ...]) -> None:
        self.method = method
        self.errors = errors
        super().__init__(f"{method}: {', '.join(errors)}")


class InvalidNonce(ExchangeRefused):
    """``EAPI:Invalid nonce``: the key has seen this nonce or a larger one."""

    exit_code = ExitCode.CREDENTIALS
    reason = "INVALID_NONCE"


class KeyRefused(ExchangeRefused):
    """Invalid key, signature or permission, or a lockout: asking again makes it worse (Kraken: about 15
    minutes).
    """

    exit_code = ExitCode.CREDENTIALS
    reason = "KEY_REFUSED"


class RateLimited(ExchangeRefused):
    """A counter of Kraken's is full; the request was not carried out."""

    reason = "RATE_LIMITED"


class OutcomeUnknown(ExchangeError):
    """No answer that can be trusted: timeout, reset, 5xx, HTML, ``EService:*``, ``EGeneral:Internal error``.

    For a read this means "ask again"; for an order it means "find out before anything else".
    """

    reason = "OUTCOME_UNKNOWN"

    def __init__(self, method: str, cause: str) -> None:
        self.method = method
        self.cause = cause
        super().__init__(f"{method}: outcome unknown: {cause}")
