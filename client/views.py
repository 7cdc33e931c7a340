"""Messages as rows and pages for people. Pure: messages in, lines out; nothing is asked, nothing printed.

Where a field is empty ("not known") its cell stays empty.
"""

from __future__ import annotations

from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

from client.grid import Column, pairs, table
from client.words import because, local_time, milliseconds, money, plain, side, word

#: As wide as local_time's text, so that tables keep their columns while they grow.
_TIME_WIDTH = 29

ACCOUNT_COLUMNS = (
    Column("ACCOUNT"),
    Column("ROLE"),
    Column("BROKER"),
    Column("STATE"),
    Column("SINCE"),
    Column("PID", right=True),
    Column("RESTARTS", right=True),
    Column("EQUITY", right=True),
    Column("FEED"),
    Column("CURSOR", right=True),
    Column("OPEN", right=True),
    Column("REASON"),
)


def account_row(account: nouns.Account) -> list[str]:
    """One account's cells of ACCOUNT_COLUMNS."""
    is_user = account.role == nouns.ROLE_USER
    return [
        plain(account.id),
        word(nouns.Role.DESCRIPTOR, account.role).lower(),
        account.broker,
        word(nouns.AccountState.DESCRIPTOR, account.state),
        local_time(account.since),
        str(account.pid or ""),
        str(account.restarts),
        money(account.equity),
        ("up" if account.feed_connected else "down") if account.pid else "",
        str(account.cursor_seq) if is_user else "",
        str(account.copies_open) if is_user else "",
        account_reason(account),
    ]


def account_reason(account: nouns.Account) -> str:
    """Why the account stands where it does, and when that changes by itself."""
    retry = local_time(account.retry_at) if account.state == nouns.ACCOUNT_STATE_BACKOFF else ""
    return "; ".join(
        part
        for part in (because(account.reason, account.message), f"next start {retry}" if retry else "")
        if part
    )


def account_line(account: nouns.Account) -> str:
    """One account in a sentence: ``bob: WAITING (MASTER_NOT_READY: ...)``."""
    state = word(nouns.AccountState.DESCRIPTOR, account.state)
    reason = account_reason(account)
    return f"{plain(account.id)}: {state}" + (f" ({reason})" if reason else "")


def account_page(account: nouns.Account) -> list[str]:
    """One account with all that is known of it."""
    nonce = account.nonce
    lines = pairs(
        (
            ("account", plain(account.id)),
            ("role", word(nouns.Role.DESCRIPTOR, account.role).lower()),
            ("broker", account.broker),
            ("state", word(nouns.AccountState.DESCRIPTOR, account.state)),
            ("reason", account_reason(account)),
            ("since", local_time(account.since)),
            ("pid", str(account.pid or "")),
            ("instance", account.instance_id),
            ("restarts", str(account.restarts)),
            ("equity", money(account.equity)),
            ("feed", "up" if account.feed_connected else "down"),
            (
                "nonce",
                f"{nonce.last}, reserved up to {nonce.reserved}, in {nonce.path}" if nonce.path else "",
            ),
            ("cursor", f"fill {account.cursor_seq}" if account.role == nouns.ROLE_USER else ""),
            ("open copies", str(account.copies_open) if account.role == nouns.ROLE_USER else ""),
        )
    )
    if account.positions:
        rows = [[p.pair, p.volume, p.cost, p.carried_buy, p.carried_sell] for p in account.positions]
        titles = ("VOLUME", "COST", "CARRIED BUY", "CARRIED SELL")
        columns = [Column("COPIED"), *(Column(title, right=True) for title in titles)]
        lines += ["", *table(columns, rows)]
    return lines


FILL_COLUMNS = (
    Column("FILL", right=True, width=6),
    Column("EXECUTED", width=_TIME_WIDTH),
    Column("SIDE"),
    Column("VOLUME", right=True, width=12),
    Column("PAIR", width=8),
    Column("PRICE", right=True, width=10),
    Column("FEE", right=True, width=10),
    Column("EXEC ID", width=19),
    Column("NOTE"),
)


def fill_row(fill: nouns.Fill) -> list[str]:
    """One fill's cells of FILL_COLUMNS."""
    notes = ("margin, not copied" if fill.margin else "", "from history" if _is_late(fill) else "")
    return [
        str(fill.seq),
        local_time(fill.executed_at),
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


COPY_COLUMNS = (
    Column("ACCOUNT", width=12),
    Column("FILLS", right=True, width=6),
    Column("SIDE"),
    Column("ORDERED", right=True, width=12),
    Column("FILLED", right=True, width=12),
    Column("PAIR", width=8),
    Column("AVG PRICE", right=True, width=10),
    Column("FEE", right=True, width=10),
    Column("STATE", width=12),
    Column("CHANGED", width=_TIME_WIDTH),
    Column("REASON"),
)


def copy_row(copy: nouns.Copy) -> list[str]:
    """One copy's cells of COPY_COLUMNS."""
    return [
        plain(copy.account_id),
        seqs(copy),
        side(copy.side),
        copy.ordered_volume,
        copy.filled_volume,
        copy.pair,
        copy.avg_price,
        money(copy.fee),
        word(nouns.CopyState.DESCRIPTOR, copy.state),
        _last_time(copy),
        because(copy.reason, copy.detail),
    ]


def seqs(copy: nouns.Copy) -> str:
    """The fills that a copy answers: ``7`` or ``7-9`` or ``7,9``."""
    numbers = list(copy.fill_seqs)
    if len(numbers) > 1 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]}-{numbers[-1]}"
    return ",".join(map(str, numbers))


def _last_time(copy: nouns.Copy) -> str:
    for name in ("finished_at", "acknowledged_at", "sent_at", "decided_at", "received_at"):
        if copy.HasField(name):
            return local_time(getattr(copy, name))
    return ""


EVENT_COLUMNS = (
    Column("EVENT", right=True, width=6),
    Column("AT", width=_TIME_WIDTH),
    Column("SEVERITY"),
    Column("ACCOUNT", width=12),
    Column("CODE", width=21),
    Column("MESSAGE"),
)


def event_row(event: nouns.Event) -> list[str]:
    """One event's cells of EVENT_COLUMNS."""
    return [
        str(event.seq),
        local_time(event.at),
        word(nouns.Severity.DESCRIPTOR, event.severity),
        plain(event.account_id) or "-",
        plain(event.code),
        plain(event.message),
    ]


def fill_line(fill: nouns.Fill) -> str:
    """One fill in a sentence."""
    return f"{local_time(fill.executed_at)}  fill {fill.seq}: {side(fill.side)} {fill.volume} {fill.pair} at {fill.price}"


def copy_line(copy: nouns.Copy) -> str:
    """One copy in a sentence."""
    volume = copy.filled_volume or copy.ordered_volume or copy.planned_volume
    price = f" at {copy.avg_price}" if copy.avg_price else ""
    reason = because(copy.reason, copy.detail)
    state = word(nouns.CopyState.DESCRIPTOR, copy.state)
    what = " ".join(part for part in (side(copy.side), volume, copy.pair) if part)
    told = (
        f"{_last_time(copy)}  copy by {plain(copy.account_id)} of fill {seqs(copy)}: {state}, {what}{price}"
    )
    return told + (f" ({reason})" if reason else "")


def event_line(event: nouns.Event) -> str:
    """One event in a sentence."""
    about = f" {plain(event.account_id)}" if event.account_id else ""
    severity = word(nouns.Severity.DESCRIPTOR, event.severity)
    return f"{local_time(event.at)}  {severity}{about}: {because(event.code, event.message)}"


def status_page(status: pb.GetStatusResponse) -> list[str]:
    """The whole system on one page."""
    return [
        *status_head(status),
        "",
        *table(ACCOUNT_COLUMNS, [account_row(account) for account in status.accounts]),
        *cap_warning(status.copies),
    ]


def status_head(status: pb.GetStatusResponse) -> list[str]:
    """What is true of the whole system, without the accounts."""
    exchange = status.exchange
    return pairs(
        (
            ("system", "READY" if status.ready else f"NOT READY: {plain(status.message)}"),
            (
                "krakencopyd",
                f"{status.version}, run {status.epoch}, pid {status.pid}, up since {local_time(status.started_at)}",
            ),
            ("exchange", f"{exchange.mode}, REST {exchange.rest_url}, WebSocket {exchange.ws_url}"),
            ("fills", str(status.head_seq)),
            ("copies", counts_line(status.copies)),
        )
    )


def counts_line(counts: pb.CopyCounts) -> str:
    """Counts of copies in words."""
    return (
        f"{counts.filled} filled, {counts.part_filled} part filled, {counts.rejected} rejected, {counts.skipped} skipped, "
        f"{counts.carried} carried, {counts.open} open; {counts.capped} capped"
    )


def cap_warning(counts: pb.CopyCounts) -> list[str]:
    """Say loudly when the risk cap decides most entries: a sizing error hides behind it. Empty when it does not."""
    if counts.capped * 2 <= counts.sized_entries:
        return []
    return [
        "",
        (
            f"WARNING: the risk cap cut {counts.capped} of {counts.sized_entries} entries: "
            "is max_user_risk meant to be this low?"
        ),
    ]


def report_page(report: pb.GetReportResponse) -> list[str]:
    """What became of every fill at every user."""
    titles = (
        "FILLS",
        "FILLED",
        "PART",
        "REJECTED",
        "SKIPPED",
        "CARRIED",
        "OPEN",
        "CAPPED",
        "UNANSWERED",
        "MEDIAN ms",
        "P99 ms",
    )
    columns = [Column("ACCOUNT"), *(Column(title, right=True) for title in titles)]
    lines = [f"{report.fills} fills in the journal, {report.unanswered} without an answer of every user", ""]
    lines += table(columns, [_report_row(account) for account in report.accounts])
    total = pb.CopyCounts()
    for account in report.accounts:
        lines += _report_details(account)
        for field in pb.CopyCounts.DESCRIPTOR.fields:
            setattr(total, field.name, getattr(total, field.name) + getattr(account.copies, field.name))
    return lines + cap_warning(total)


def _report_row(account: pb.AccountReport) -> list[str]:
    counts = account.copies
    numbers = (
        account.fills,
        counts.filled,
        counts.part_filled,
        counts.rejected,
        counts.skipped,
        counts.carried,
        counts.open,
        counts.capped,
        account.unanswered,
    )
    return [
        plain(account.account_id),
        *map(str, numbers),
        milliseconds(account.latency_median, known=account.HasField("latency_median")),
        milliseconds(account.latency_p99, known=account.HasField("latency_p99")),
    ]


def _report_details(account: pb.AccountReport) -> list[str]:
    reasons = sorted(account.reasons.items(), key=lambda item: (-item[1], item[0]))
    lines = pairs(
        (
            ("bought", _amounts(dict(account.bought))),
            ("sold", _amounts(dict(account.sold))),
            ("fees", _amounts(dict(account.fees))),
            ("reasons", plain(", ".join(f"{count} x {reason}" for reason, count in reasons))),
        ),
        indent="  ",
    )
    return ["", f"{plain(account.account_id)}:", *lines] if lines else []


def _amounts(by_asset: dict[str, str]) -> str:
    return ", ".join(f"{amount} {asset}" for asset, amount in sorted(by_asset.items()))
