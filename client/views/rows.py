"""Messages as rows and sentences for people. Pure: messages in, lines out; nothing is asked, nothing printed.

Where a field is empty ("not known") its cell stays empty.
"""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.client.views.formats import (
    because,
    joined,
    local_time,
    money,
    plain,
    short,
    side,
    table_time,
    word,
    zoned,
)
from krakencopy.client.views.setting_notes import see_rules
from krakencopy.client.views.table import Column
from krakencopy.client.views.trading_pages import restricted, still_flattening
from krakencopy.v1 import types_pb2 as nouns

#: The broker whose accounts copy and are copied; those of others have no feed, no nonce and no copies.
COPIED_BROKER = "kraken"
#: As wide as table_time's text, so that tables keep their columns while they grow.
_TIME_WIDTH = 18
#: Characters of an account's id that are left on a narrow terminal.
_ID_WIDTH_MIN = 8


def account_columns() -> tuple[Column, ...]:
    """What account_row's cells are. Why an account stands where it does is left out last."""
    return (
        Column("ACCOUNT", shortest=_ID_WIDTH_MIN),
        Column("ROLE", extra=5),
        Column("BROKER", extra=9),
        Column("STATE"),
        Column(zoned("SINCE"), extra=3),
        Column("PID", right=True, extra=8),
        Column("RESTARTS", right=True, extra=4),
        Column("EQUITY", right=True, extra=2),
        Column("FEED", extra=1),
        Column("LAST FILL", right=True, extra=7),
        Column("OPEN", right=True, extra=6),
        Column("REASON", text=30),
    )


def account_row(account: nouns.Account) -> list[str]:
    """One account's cells of account_columns. Without a process nothing is known of feed, position and
    open copies.
    """
    is_user = copies(account) and account.pid != 0
    return [
        marked(account.id, is_shadow=account.shadow),
        word(nouns.Role.DESCRIPTOR, account.role).lower(),
        account.broker,
        word(nouns.AccountState.DESCRIPTOR, account.state),
        table_time(account.since)[: -len(".123")],
        str(account.pid or ""),
        str(account.restarts),
        money(account.equity),
        feed(account),
        str(account.cursor_seq) if is_user else "",
        str(account.copies_open) if is_user else "",
        plain(account.reason),
    ]


def marked(account_id: str, *, is_shadow: bool) -> str:
    """The id of an account; of a shadow it says so."""
    return plain(account_id) + (" (shadow)" if is_shadow else "")


def account_notes(accounts: Iterable[nouns.Account]) -> list[str]:
    """What there is to say about accounts below their table, each thing once: ``ann, bob: the master is
    not healthy``.
    """
    about: dict[str, list[str]] = {}
    for account in accounts:
        note = joined(
            account.message,
            _next_start(account),
            plain(account.leaving),
            restricted(account),
            still_flattening(account),
            paused(account),
            own_strategy(account),
            _unless_said(account, missing(account)),
            *(_unless_said(account, f"exit owed: {p.exit_owed}") for p in account.positions if p.exit_owed),
            drift(account),
            see_rules(account),
            *(plain(words) for words in _other_conditions(account)),
            notices(account),
            *warnings(account),
        )
        if note:
            about.setdefault(note, []).append(plain(account.id))
    return ["", *(f"{', '.join(ids)}: {note}" for note, ids in about.items())] if about else []


def _unless_said(account: nouns.Account, note: str) -> str:
    """A note, unless the account's own message says it."""
    return "" if note.removeprefix("exit owed: ") in account.message else note


def copies(account: nouns.Account) -> bool:
    """Whether it copies the master: users of other brokers than Kraken do not."""
    return account.role == nouns.ROLE_USER and account.broker == COPIED_BROKER


#: Conditions that are shown in words of their own: ``missing``, ``owed``, ``drift``, and the state itself.
_SAID_ELSEWHERE = frozenset({"COINS_PRESENT", "EXITS_DONE", "LEDGER_AGREES", "PROCESS_ALIVE"})


def _lacking(account: nouns.Account) -> list[nouns.Condition]:
    return [each for each in account.conditions if each.status == nouns.CONDITION_STATUS_FALSE]


def _other_conditions(account: nouns.Account) -> list[str]:
    """What it lacks beside what its state is named by, and what is said elsewhere; of several limits those
    that are not said as reasons why it may not trade everything.
    """
    known, reasons = {account.message, *account.preflight.warnings}, _reasons(account)
    others = (each for each in _lacking(account) if each.type not in _SAID_ELSEWHERE)
    return [
        "; ".join(part for part in each.message.split("; ") if part not in reasons)
        for each in others
        if each.message not in known
    ]


def _reasons(account: nouns.Account) -> set[str]:
    """Why it may not trade everything. A limit that was hit is a condition and a notice as well."""
    return {each.reason for each in account.trading.settings if each.reason}


def lacking(account: nouns.Account) -> list[str]:
    """Each condition that does not hold, with its reason, since when, what to do, and when it is tried
    again.
    """
    return [
        f"{plain(each.type)} {plain(each.reason)} since {local_time(each.since)}: {plain(each.message)}"
        + (f"; next try at {plain(each.data['next_try'])}" if each.data.get("next_try") else "")
        for each in _lacking(account)
    ]


def paused(account: nouns.Account) -> str:
    """What is shown of a user whose fills wait."""
    is_paused = account.copy_mode == nouns.COPY_MODE_PAUSED
    return "PAUSED by an operator, fills wait until `resume`" if is_paused else ""


def own_strategy(account: nouns.Account) -> str:
    """What is shown of a user that trades by its own strategy, and of a strategy that has failed."""
    strategy = account.strategy
    if strategy.failure:
        return (
            f"STRATEGY {plain(strategy.name)} FAILED and is off until the account is restarted: "
            f"{plain(strategy.failure)}"
        )
    is_user = account.role == nouns.ROLE_USER
    return (
        f"strategy {plain(strategy.name)} trades by itself until the master is back"
        if strategy.on and is_user
        else ""
    )


def missing(account: nouns.Account) -> str:
    """What is shown of a user from whose copied positions something was taken by hand."""
    gone = ", ".join(f"{p.missing_volume} {p.asset}" for p in account.positions if p.missing_volume)
    return (
        f"MISSING {gone}: bought by copying and not there any more (sold or withdrawn by hand)"
        if gone
        else ""
    )


def owed(account: nouns.Account) -> str:
    """What is shown of a user with exits that could not leave so far."""
    return joined(*(f"exit owed: {p.exit_owed}" for p in account.positions if p.exit_owed))


def drift(account: nouns.Account) -> str:
    """What is shown of a user whose ledger and the exchange's record of orders disagree; `accounts ID` has
    each.
    """
    return f"DRIFT {len(account.drifts)}: {plain(account.drifts[-1].message)}" if account.drifts else ""


#: Notices that are shown below a table at most.
NOTICES_SHOWN = 3


def notices(account: nouns.Account) -> str:
    """What an operator should know of an account that stops nothing, and nothing else says; the latest
    first. `accounts ID` has each.
    """
    lacking_words = [each.message for each in _lacking(account)]
    parts = {part for words in lacking_words for part in words.split("; ")}
    known = {*account.preflight.warnings, *lacking_words, *parts, *_reasons(account)}
    found = [notice for notice in account.notices if notice.message not in known]
    found.sort(key=lambda notice: notice.last_at.ToNanoseconds(), reverse=True)
    lines = [
        joined(plain(notice.code) if notice.subject else "", plain(notice.message))
        for notice in found[:NOTICES_SHOWN]
    ]
    if len(found) > NOTICES_SHOWN:
        lines.append(f"(and {len(found) - NOTICES_SHOWN} more)")
    return "; ".join(lines)


def times(count: int) -> str:
    """How often something came up, if more than once."""
    return f" ({count} times)" if count > 1 else ""


def warnings(account: nouns.Account) -> list[str]:
    """What was found out about its key, clock, fees and funds that someone should act on, and refusals for
    the rate.
    """
    known = account.preflight.warnings
    lines = [f"WARNING {plain(text)}" for text in known]
    refused = account.rate.refused
    return [*lines, f"WARNING the exchange refused {refused} calls for their rate"] if refused else lines


def feed(account: nouns.Account) -> str:
    """Whether its executions feed is up; nothing is known of it without a process, and only Kraken's
    accounts have one.
    """
    if account.broker != COPIED_BROKER:
        return ""
    return ("up" if account.feed_connected else "down") if account.pid else ""


def _next_start(account: nouns.Account) -> str:
    is_waiting = account.state == nouns.ACCOUNT_STATE_BACKOFF and account.HasField("retry_at")
    return f"next start {local_time(account.retry_at)}" if is_waiting else ""


def account_reason(account: nouns.Account) -> str:
    """Why the account stands where it does, and when that changes by itself."""
    return joined(because(account.reason, account.message), _next_start(account))


def standing(account: nouns.Account) -> str:
    """Where the account stands and why: ``WAITING (MASTER_NOT_READY: ...)``."""
    state = word(nouns.AccountState.DESCRIPTOR, account.state)
    reason = account_reason(account)
    return f"{state} ({reason})" if reason else state


def fill_columns() -> tuple[Column, ...]:
    """What fill_row's cells are."""
    return (
        Column("FILL", right=True, width=6),
        Column(zoned("EXECUTED"), width=_TIME_WIDTH, extra=2),
        Column("SIDE"),
        Column("VOLUME", right=True, width=10),
        Column("PAIR", width=7),
        Column("PRICE", right=True, width=9),
        Column("FEE", right=True, width=11, extra=3),
        Column("EXEC ID", width=19, extra=4),
        Column("NOTE", extra=1),
    )


def fill_row(fill: nouns.Fill) -> list[str]:
    """One fill's cells of fill_columns."""
    apart = f"not copied: {plain(fill.not_copied)}" if fill.not_copied else ""
    notes = ("margin, not copied" if fill.margin else "", apart, "from history" if _is_late(fill) else "")
    return [
        str(fill.seq),
        table_time(fill.executed_at),
        side(fill.side),
        fill.volume,
        fill.pair,
        fill.price,
        money(fill.fee),
        fill.exec_id,
        ", ".join(note for note in notes if note),
    ]


def _is_late(fill: nouns.Fill) -> bool:
    return fill.source == nouns.FILL_SOURCE_HISTORY


def copy_columns() -> tuple[Column, ...]:
    """What copy_row's cells are."""
    return (
        Column("ACCOUNT", width=12, shortest=_ID_WIDTH_MIN),
        Column("FILLS", right=True, width=5, extra=1),
        Column("SIDE", extra=4),
        Column("ORDERED", right=True, width=10, extra=7),
        Column("FILLED", right=True, width=10, extra=2),
        Column("PAIR", width=7, extra=3),
        Column("AVG PRICE", right=True, extra=6),
        Column("FEE", right=True, width=11, extra=8),
        Column("STATE", width=8),
        Column(zoned("LAST HOP"), width=_TIME_WIDTH, extra=5),
        Column("REASON", text=14),
    )


def copy_row(copy: nouns.Copy) -> list[str]:
    """One copy's cells of copy_columns."""
    return [
        marked(copy.account_id, is_shadow=copy.shadow),
        seqs(copy),
        side(copy.side),
        copy.ordered_volume,
        copy.filled_volume,
        copy.pair,
        short(copy.avg_price),
        money(copy.fee),
        word(nouns.CopyState.DESCRIPTOR, copy.state),
        table_time(last_hop(copy)),
        copy_reason(copy),
    ]


def copy_reason(copy: nouns.Copy) -> str:
    """The numbers only where something is missing: of what went as planned, `why` shows them."""
    words = copy.cap if copy.state == nouns.COPY_STATE_FILLED else copy.detail
    return because(copy.reason, joined(copy.source, words))


def seqs(copy: nouns.Copy) -> str:
    """The fills that a copy answers: ``7`` or ``7-9`` or ``7,9``."""
    numbers = list(copy.fill_seqs)
    if len(numbers) > 1 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]}-{numbers[-1]}"
    return ",".join(map(str, numbers))


def last_hop(copy: nouns.Copy) -> Timestamp:
    """When the copy took its last step; empty where none is known."""
    for name in ("finished_at", "acknowledged_at", "sent_at", "decided_at", "received_at"):
        if copy.HasField(name):
            moment: Timestamp = getattr(copy, name)
            return moment
    return Timestamp()


def event_columns() -> tuple[Column, ...]:
    """What event_row's cells are."""
    return (
        Column("EVENT", right=True, width=6, extra=1),
        Column(zoned("AT"), width=_TIME_WIDTH, extra=2),
        Column("SEVERITY"),
        Column("ACCOUNT", width=12, shortest=_ID_WIDTH_MIN),
        Column("CODE", width=21, extra=3),
        Column("MESSAGE"),
    )


def event_row(event: nouns.Event) -> list[str]:
    """One event's cells of event_columns."""
    return [
        str(event.seq),
        table_time(event.at),
        word(nouns.Severity.DESCRIPTOR, event.severity),
        plain(event.account_id) or "-",
        plain(event.code),
        plain(event.message),
    ]
