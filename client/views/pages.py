"""Whole pages for people: the system, the report, a reload, the nonce of a key. Pure: messages in, lines
out; nothing is asked, nothing printed.
"""

from __future__ import annotations

from krakencopy.client.views.formats import joined, local_time, milliseconds, plain, word
from krakencopy.client.views.rows import (
    account_columns,
    account_notes,
    account_row,
    marked,
)
from krakencopy.client.views.setting_notes import without_effect
from krakencopy.client.views.table import Column, pairs, table
from krakencopy.client.views.trading_pages import headline
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

#: Accounts and groups of the API that the status names at most.
API_NAMED_MAX = 12
#: Verdicts on a nonce that someone has to act on.
NONCE_TROUBLE = frozenset({"NONCE_BEHIND", "NONCE_WINDOW", "FILE_DAMAGED"})


def nonce_page(report: nouns.NonceReport) -> list[str]:
    """Everything that is known of the nonce of one account's key."""
    is_known = report.exchange_known
    return pairs(
        (
            ("account", plain(report.account_id)),
            ("verdict", f"{report.verdict}: {plain(report.message)}" if report.message else report.verdict),
            ("file", plain(report.path)),
            ("lock held by", f"process {report.holder_pid}" if report.holder_pid else "nobody"),
            ("last used", str(report.last) if report.last else "not known without its process"),
            (
                "reserved",
                f"{report.reserved}: no nonce up to here is ever used again"
                if report.reserved
                else "nothing",
            ),
            (
                "ahead of clock",
                f"{report.ahead_us / 1e6:.3f} s (a process reserves the next five minutes)"
                if report.last or report.reserved
                else "",
            ),
            (
                "at the exchange",
                f"{report.exchange_nonce}, window {report.exchange_window}" if is_known else "not known",
            ),
            ("exchange clock", f"{report.clock_offset_ms / 1000:+.1f} s" if is_known else ""),
        )
    )


def status_page(status: pb.GetStatusResponse, room: int | None = None) -> list[str]:
    """The whole system on one page."""
    rows = [account_row(account) for account in status.accounts]
    return [
        *status_head(status),
        "",
        *table(account_columns(), rows, room),
        *account_notes(status.accounts),
        *without_effect(status),
        *cap_warning(status.copies),
    ]


def status_head(status: pb.GetStatusResponse) -> list[str]:
    """What is true of the whole system, without the accounts."""
    exchange = status.exchange
    return pairs(
        (
            ("system", _system(status)),
            (
                "krakencopyd",
                (
                    f"{status.version}, run {status.epoch}, pid {status.pid}, up since "
                    f"{local_time(status.started_at)}"
                ),
            ),
            ("exchange", f"{exchange.mode}, REST {exchange.rest_url}, WebSocket {exchange.ws_url}"),
            ("over the API", _over_the_api(status)),
            ("fills", str(status.head_seq)),
            ("copies", ", ".join(f"{count} {name}" for name, count in _counted(status.copies))),
            ("capped", _capped(status.copies, " entries")),
            ("shadows", ", ".join(f"{n} {name}" for name, n in _counted(status.shadow_copies) if n)),
        )
    )


def _over_the_api(status: pb.GetStatusResponse) -> str:
    """Who is not configured in the file."""
    api = nouns.CONFIG_OWNER_API
    accounts = [account.id for account in status.accounts if account.owner == api]
    groups = [f"group {group.id}" for group in status.groups if group.owner == api]
    named = [*accounts, *groups]
    more = f" and {len(named) - API_NAMED_MAX} more" if len(named) > API_NAMED_MAX else ""
    return f"{', '.join(map(plain, named[:API_NAMED_MAX]))}{more}"


def _system(status: pb.GetStatusResponse) -> str:
    state = "READY" if status.ready else f"NOT READY: {status.message}"
    return joined(state, stopped(status), headline(status.accounts))


def stopped(status: pb.GetStatusResponse) -> str:
    """Who is STOPPED: wanted so by someone, hence no reason not to be ready, but not to be forgotten
    either.
    """
    ids = [account.id for account in status.accounts if account.state == nouns.ACCOUNT_STATE_STOPPED]
    return f"stopped: {', '.join(ids)}" if ids else ""


def _counted(counts: pb.CopyCounts) -> tuple[tuple[str, int], ...]:
    """How copies stand, in the words of every page."""
    return (
        ("filled", counts.filled),
        ("part filled", counts.part_filled),
        ("rejected", counts.rejected),
        ("skipped", counts.skipped),
        ("carried", counts.carried),
        ("open", counts.open),
    )


def _capped(counts: pb.CopyCounts, what: str = "") -> str:
    return f"{counts.capped} of {counts.sized_entries}{what}"


def cap_warning(counts: pb.CopyCounts) -> list[str]:
    """Say loudly when the risk cap decides most entries: a sizing error hides behind it. Empty when it
    does not.
    """
    if counts.capped * 2 <= counts.sized_entries:
        return []
    return [
        "",
        (
            f"WARNING: caps cut {_capped(counts, ' entries')}: are they meant to be this low? "
            "(max_user_risk, or another one; `krakencopy copies` names it)"
        ),
    ]


def reload_page(answer: pb.ReloadResponse) -> list[str]:
    """What a new configuration changes, one line for each account and each setting of the supervisor."""
    lines = [change_line(change) for change in answer.accounts]
    lines += [f"changed: {setting_words(setting)} (at once)" for setting in answer.settings]
    kept = [f"kept: {plain(line)}" for line in answer.kept]
    if not lines:
        return ["nothing has changed", *kept]
    lines += kept
    return lines if answer.applied else [*lines, "a dry run: nothing of this was applied"]


def change_line(change: pb.AccountChange) -> str:
    """An account that is changed, and what follows."""
    kind = word(pb.ChangeKind.DESCRIPTOR, change.kind).lower()
    settings = ", ".join(setting_words(setting) for setting in change.settings)
    effect = f" ({plain(change.effect)})" if change.effect else ""
    return f"{kind}: {plain(change.account_id)}" + (f": {settings}" if settings else "") + effect


def setting_words(setting: pb.SettingChange) -> str:
    """A key with its value before and after."""
    old, new = (plain(value) or "(not set)" for value in (setting.old_value, setting.new_value))
    return f"{plain(setting.key)} {old} -> {new}"


#: What a row of the report adds up to FILLS, beside the ends of copies.
_ENDS = 5
_ON_ITS_WAY = "ON ITS WAY"


def report_page(report: pb.GetReportResponse, room: int | None = None) -> list[str]:
    """What became of every fill at every user. Each row adds up to its FILLS."""
    columns = [
        Column("ACCOUNT"),
        Column("FILLS", right=True, extra=1),
        *(Column(name.upper(), right=True) for name, _ in _counted(pb.CopyCounts())[:_ENDS]),
        Column("MERGED", right=True),
        Column(_ON_ITS_WAY, right=True),
        Column("CAPPED", right=True, extra=2),
    ]
    lines = [f"{report.fills} fills {_reported(report)}, {on_their_way(report)}", ""]
    total = pb.AccountReport(account_id="all")
    for account in report.accounts:
        if account.shadow:  # nothing of it was really traded
            continue
        total.fills += account.fills
        total.merged += account.merged
        total.unanswered += account.unanswered
        for field in pb.CopyCounts.DESCRIPTOR.fields:
            more = getattr(account.copies, field.name)
            setattr(total.copies, field.name, getattr(total.copies, field.name) + more)
    real = [account for account in report.accounts if not account.shadow]
    rows = [*report.accounts, *([total] if len(real) > 1 else [])]
    lines += table(columns, [_report_row(account) for account in rows], room)
    for account in report.accounts:
        lines += _report_details(account)
    return lines + cap_warning(total.copies)


def _reported(report: pb.GetReportResponse) -> str:
    """Of when a report is."""
    since, until = local_time(report.since), local_time(report.until)
    parts = [f"from {since}"] if since else []
    parts += [f"up to {until}"] if until else []
    return " ".join(parts) or "in the journal"


def on_their_way(report: pb.GetReportResponse) -> str:
    """Whether every fill has come to its end, or at how many users it has not."""
    waiting = sum(bool(account.unanswered or account.copies.open) for account in report.accounts)
    if not report.on_their_way:
        return "all answered to the end by every user"
    fills, their = ("fill", "its") if report.on_their_way == 1 else ("fills", "their")
    users = f"at {waiting} of {len(report.accounts)} users"
    return f"{report.on_their_way} {fills} on {their} way ({users})"


def _report_row(account: pb.AccountReport) -> list[str]:
    return [
        marked(account.account_id, is_shadow=account.shadow) + (" (removed)" if account.removed else ""),
        str(account.fills),
        *(str(count) for _, count in _counted(account.copies)[:_ENDS]),
        str(account.merged),
        str(account.copies.open + account.unanswered),
        _capped(account.copies),
    ]


def _report_details(account: pb.AccountReport) -> list[str]:
    reasons = sorted(account.reasons.items(), key=lambda item: (-item[1], item[0]))
    latency = ""
    if account.HasField("latency_median"):
        median, worst = (
            milliseconds(length, known=True) for length in (account.latency_median, account.latency_p99)
        )
        latency = (
            f"{median} ms median, {worst} ms p99, from a fill at the master's process to the order leaving"
        )
    lines = pairs(
        (
            ("on its way", _waiting(account)),
            ("beside", _beside(account.without_fill)),
            (
                "syncs",
                plain("; ".join(f"{count} x {each}" for each, count in sorted(account.sources.items()))),
            ),
            ("bought", _amounts(dict(account.bought))),
            ("sold", _amounts(dict(account.sold))),
            ("fees", _amounts(dict(account.fees))),
            ("caps", plain(", ".join(f"{count} x {cap}" for cap, count in sorted(account.caps.items())))),
            ("reasons", plain(", ".join(f"{count} x {reason}" for reason, count in reasons))),
            ("latency", latency),
        ),
        indent="  ",
    )
    return ["", f"{marked(account.account_id, is_shadow=account.shadow)}:", *lines] if lines else []


def _waiting(account: pb.AccountReport) -> str:
    parts = (
        f"{account.unanswered} without an answer" if account.unanswered else "",
        f"{account.copies.open} answered, and not at an end" if account.copies.open else "",
    )
    return ", ".join(part for part in parts if part)


def _beside(counts: pb.CopyCounts) -> str:
    """Copies that no fill stands behind: owed exits that left later, syncs, and orders that were found."""
    words = ", ".join(f"{count} {name}" for name, count in _counted(counts) if count)
    return f"{words} (exits that were owed, syncs, and orders that were found)" if words else ""


def _amounts(by_asset: dict[str, str]) -> str:
    return ", ".join(f"{amount} {asset}" for asset, amount in sorted(by_asset.items()))
