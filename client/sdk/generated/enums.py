"""The enums of the API. Made from the protos by tests/support/sdk.py: not to be edited."""

from __future__ import annotations

from krakencopy.client.sdk.open_enum import OpenEnum


class AccessRole(OpenEnum):
    """What somebody may do; the permission of each method is in docs/security.md."""

    UNSPECIFIED = 0
    """Never sent."""
    VIEWER = 1
    """Sees everything, changes nothing."""
    OPERATOR = 2
    """Starts, stops, halts and sells what copying bought."""
    TRADER = 3
    """Orders on the master."""
    ADMIN = 4
    """All of it."""
    OWNER = 5
    """The owner of one account, who sees and stops only that."""


class AccountState(OpenEnum):
    """Where an account's process stands. The transition table is in supervisor/lifecycle/state_machine.py."""

    UNSPECIFIED = 0
    """Not given; never sent."""
    STOPPED = 1
    """No process, and none is wanted."""
    WAITING = 2
    """A process is wanted, but something must happen first; Account.reason says what."""
    STARTING = 3
    """The process was spawned and has not been SERVING yet."""
    RUNNING = 4
    """The process is SERVING: lock held, ledger or journal position recovered, exchange reachable."""
    DEGRADED = 5
    """The process lives but is not SERVING, or the master it follows is not."""
    STOPPING = 6
    """The process was asked to finish what is in flight and end."""
    BACKOFF = 7
    """The process ended by itself; the next start is at Account.retry_at."""
    FAILED = 8
    """The process will not be started again until an operator says so; Account.message says what to do."""


class AuditKind(OpenEnum):
    """What an entry says."""

    UNSPECIFIED = 0
    """Not given."""
    BEGAN = 1
    """A call is about to be carried out."""
    ENDED = 2
    """What came of a call."""
    FILE = 3
    """A file of the log begins, and with it a new chain where `message` says why."""
    UNREADABLE = 4
    """A line that cannot be read: the log was changed there."""


class CancelOutcome(OpenEnum):
    """What became of a cancel."""

    UNSPECIFIED = 0
    """Not given; never sent."""
    CANCELLED = 1
    """The order is over, and this cancel ended it. A part of it may have been filled before."""
    ACCEPTED = 2
    """The exchange has accepted the cancel, and did not show the order as over when it was asked right
    after.
    """
    ALREADY_OVER = 3
    """The order was over before: filled, cancelled or expired."""


class ChangeKind(OpenEnum):
    """What happens to an account in a reload."""

    UNSPECIFIED = 0
    """Not given."""
    ADDED = 1
    """It was not configured before, or is configured again."""
    REMOVED = 2
    """It is not configured any more."""
    CHANGED = 3
    """Some of its settings are others now."""


class ConditionStatus(OpenEnum):
    """Whether a condition holds."""

    UNSPECIFIED = 0
    """Not given; never sent."""
    TRUE = 1
    """It holds: all is well."""
    FALSE = 2
    """It does not hold: `reason` and `message` say why, and what to do."""
    UNKNOWN = 3
    """Nobody knows, as nobody has asked yet."""


class ConfigAction(OpenEnum):
    """What was done."""

    UNSPECIFIED = 0
    """Not given."""
    CREATED = 1
    """It was created."""
    UPDATED = 2
    """Some of it is another."""
    DELETED = 3
    """It was deleted."""
    KEY_ROTATED = 4
    """Its key was replaced, by what its source gives now."""


class ConfigOwner(OpenEnum):
    """Who has configured an account or a group."""

    UNSPECIFIED = 0
    """Not given."""
    FILE = 1
    """The configuration file: it is changed there."""
    API = 2
    """The API: it is changed by calls, and kept in the journal."""
    LEAVING = 3
    """Nobody any more: it stays until copying holds nothing of it."""


class CopyFillOutcome(OpenEnum):
    """What came of asking a user to copy one fill."""

    UNSPECIFIED = 0
    """Never sent."""
    COPIED = 1
    """A copy was begun: ordered, or carried until it is large enough."""
    WAITING = 2
    """It is durable, and decided as soon as nothing else is done with its coin."""
    ALREADY = 3
    """A copy has answered the fill already; nothing was done."""
    REFUSED = 4
    """It is not copied."""
    WOULD_COPY = 5
    """Only asked what would be done: it would be copied."""
    NOT_REACHED = 6
    """The user's process did not answer, or there is none. Asking again never copies twice."""


class CopyMode(OpenEnum):
    """What a user does with fills."""

    UNSPECIFIED = 0
    """Not given, or a master."""
    COPYING = 1
    """Copies them."""
    PAUSED = 2
    """Leaves them in the journal until it is resumed: exits are then done, entries that are too old are
    skipped.
    """


class CopyState(OpenEnum):
    """What became of one or more master fills at one user. The transition table is in
    account_proc/contract/copy_state.py.
    """

    UNSPECIFIED = 0
    """Not given; never sent."""
    RECEIVED = 1
    """The fills are in the user's ledger; nothing was decided."""
    PLANNED = 2
    """A volume was decided; no intent is durable yet."""
    INTENT = 3
    """The intent (cl_ord_id, volume, deadline) is durable; the order may leave any moment."""
    SENT = 4
    """The order was handed to the network; there is no answer yet."""
    ACKNOWLEDGED = 5
    """The exchange accepted the order and gave it an order id."""
    UNKNOWN = 6
    """The order may or may not exist: the answer was lost. It is looked for before anything else happens."""
    FILLED = 7
    """End: the whole ordered volume was filled."""
    PART_FILLED = 8
    """End: the order is over and only a part of it was filled."""
    REJECTED = 9
    """End: the exchange refused the order, or it ended without any fill."""
    SKIPPED = 10
    """End: deliberately not copied; Copy.reason says why."""
    CARRIED = 11
    """End for this copy: too small to be sent alone; the volume joins the next fill of the same pair and side
    (Copy.joined_copy_id, once it has).
    """


class CredentialKind(OpenEnum):
    """By what a caller is known."""

    UNSPECIFIED = 0
    """Never sent."""
    TOKEN = 1
    """A token, in the metadata of each call: "authorization: Bearer kct_..."."""
    CERTIFICATE = 2
    """A client certificate of the supervisor's own CA."""
    CONFIGURED = 3
    """A name in client certificates of the operator's own CA ([[control.principals]] of the
    configuration).
    """


class FillSource(OpenEnum):
    """How the supervisor learned of a master fill."""

    UNSPECIFIED = 0
    """Not given; never sent."""
    FEED = 1
    """From the live executions feed."""
    HISTORY = 2
    """From the account's trade history, because the feed was not connected when it happened."""


class FlattenState(OpenEnum):
    """How far the order to sell all that copying bought has come."""

    UNSPECIFIED = 0
    """There was none."""
    REQUESTED = 1
    """The account's process has not read it yet, as when there is none."""
    SELLING = 2
    """Exits are owed and sold as the exchange and the trading state let them."""
    DONE = 3
    """Nothing that could be sold is left of what copying had bought then."""


class LimitState(OpenEnum):
    """Where a limit to losses stands."""

    UNSPECIFIED = 0
    """Not known: its account has no process."""
    WITHIN = 1
    """Less is lost than it warns at."""
    WARNED = 2
    """It has warned in this window."""
    HIT = 3
    """It was hit, and was not reset."""
    NOT_JUDGED = 4
    """What is lost cannot be said now; the message says why."""


class OnLeave(OpenEnum):
    """What becomes of what copying bought for an account that is deleted."""

    UNSPECIFIED = 0
    """What the account's rules say (on_leave)."""
    KEEP = 1
    """It stays in the account, which ends at once."""
    CLOSE_ONLY = 2
    """The account buys nothing any more, sells as the master does, and ends when nothing is left."""
    CLOSE_ALL = 3
    """All of it is sold at once; then the account ends."""


class OrderOrigin(OpenEnum):
    """Who placed an order, as far as the account's own process knows."""

    UNSPECIFIED = 0
    """Not given; never sent."""
    REQUEST = 1
    """An operator, through krakencopy: `request_id` names it."""
    STRATEGY = 2
    """The account's own strategy."""
    COPY = 3
    """Copying, for this user."""
    BY_HAND = 4
    """The account's owner, at the exchange or with another client."""
    ELSEWHERE = 5
    """Another installation of krakencopy, or this one before its ledger was replaced."""


class Role(OpenEnum):
    """What an account is for."""

    UNSPECIFIED = 0
    """Not given; never sent."""
    MASTER = 1
    """The account whose fills are copied. There is at most one for each broker."""
    USER = 2
    """An account that follows the master."""


class RotationOutcome(OpenEnum):
    """What came of a rotation that was not refused."""

    UNSPECIFIED = 0
    """Not given."""
    SAME_KEY = 1
    """The source gives the key that is in use: nothing was changed."""
    FIT = 2
    """It is another one and would be used; nothing was changed (validate_only)."""
    ROTATED = 3
    """The account's process works with the new key."""
    UNDER_WAY = 4
    """It is decided and kept: the old process finishes, then the new one starts; see the account."""


class Severity(OpenEnum):
    """How loud an event is."""

    UNSPECIFIED = 0
    """Not given; never sent."""
    INFO = 1
    """Something happened as intended."""
    WARNING = 2
    """Something needs watching; copying goes on."""
    ERROR = 3
    """Someone should look: copying is held up or an account is down."""


class Side(OpenEnum):
    """Direction of a trade, seen from the account that trades."""

    UNSPECIFIED = 0
    """Not given; never sent."""
    BUY = 1
    """Base asset bought: an entry."""
    SELL = 2
    """Base asset sold: an exit."""


class TradingMode(OpenEnum):
    """Who decides what an account trades."""

    UNSPECIFIED = 0
    """Nobody: no process, or not known yet."""
    COPYING = 1
    """It follows its master; a strategy of its own, if it has one, is off."""
    OWN = 2
    """It follows nobody at this moment: its own strategy or its owner trades it."""


class TradingState(OpenEnum):
    """What an account may trade, by operators' and limits' word."""

    UNSPECIFIED = 0
    """Not given, or not known."""
    ACTIVE = 1
    """Everything."""
    REDUCING = 2
    """It buys nothing: entries end as SKIPPED, exits are copied."""
    HALTED = 3
    """No order leaves: entries end as SKIPPED, exits are owed."""
