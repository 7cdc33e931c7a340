"""Whole pages for people: the system, one account, the report. Pure: messages in, lines out; nothing is
asked, nothing printed.
"""

from __future__ import annotations

from krakencopy.client.views.formats import joined, local_time, milliseconds, money, plain, short, word
from krakencopy.client.views.process_exit import ending
from krakencopy.client.views.rows import (
    account_columns,
    account_notes,
    account_reason,
    account_row,
    copies,
    feed,
    missing,
    owed,
    paused,
    times,
    warnings,
)
from krakencopy.client.views.table import Column, pairs, table
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns


def account_page(account: nouns.Account) -> list[str]:
    """One account with all that is known of it."""
    nonce = account.nonce
    is_known = copies(account) and account.pid != 0
    lines = pairs(
        (
            ("account", plain(account.id)),
            ("role", word(nouns.Role.DESCRIPTOR, account.role).lower()),
            ("broker", account.broker),
            ("state", word(nouns.AccountState.DESCRIPTOR, account.state)),
            ("reason", account_reason(account)),
            ("copying", paused(account)),
            ("missing", missing(account)),
            ("owed", owed(account)),
            ("since", local_time(account.since)),
            ("pid", str(account.pid or "")),
            ("instance", account.instance_id),
            ("restarts", str(account.restarts)),
            ("equity", money(account.equity)),
            ("feed", feed(account)),
            (
                "nonce",
                f"{nonce.last}, reserved up to {nonce.reserved}, in {nonce.path}" if nonce.path else "",
            ),
            ("last fill", str(account.cursor_seq) if is_known else ""),
            ("open copies", str(account.copies_open) if is_known else ""),
            ("reconciled", local_time(account.reconciled_at)),
            *_strategy_rows(account),
            *_preflight_rows(account.preflight),
            *_rate_rows(account.rate),
        )
    )
    if account.preflight.pairs:
        titles = ("MAKER %", "TAKER %", "LEAST VOLUME", "LEAST COST", "TICK", "LOT DECIMALS")
        columns = [Column("PAIR"), *(Column(title, right=True) for title in titles), Column("TAKES")]
        rows = [
            [
                plain(pair.pair),
                pair.maker_percent,
                pair.taker_percent,
                pair.ordermin,
                pair.costmin,
                pair.tick_size,
                str(pair.lot_decimals),
                plain(pair.status),
            ]
            for pair in account.preflight.pairs
        ]
        lines += ["", *table(columns, rows)]
    if account.positions:
        rows = [
            [p.asset, p.volume, " + ".join(money(cost) for cost in p.costs), p.carried_buy, p.carried_sell]
            for p in account.positions
        ]
        held = ("HELD", "COST", "CARRIED BUY", "CARRIED SELL")
        columns = [Column("COPIED"), *(Column(title, right=True) for title in held)]
        lines += ["", *table(columns, rows)]
    if account.strategy.positions:
        rows = [[p.pair, p.volume, short(p.cost)] for p in account.strategy.positions]
        columns = [Column("BY ITS STRATEGY"), *(Column(title, right=True) for title in ("HELD", "COST"))]
        lines += ["", *table(columns, rows)]
    if account.drifts:
        lines += ["", "orders that the exchange shows otherwise than this account's ledger:"]
        lines += [f"  {local_time(d.found_at)} {plain(d.code)} {plain(d.message)}" for d in account.drifts]
    if account.notices:
        lines += ["", "not understood or refused, and left out; everything else goes on:"]
        lines += [
            f"  {local_time(n.last_at)} {plain(n.code)} {plain(n.message)}{times(n.count)}"
            for n in account.notices
        ]
    if found := warnings(account):
        lines += ["", *found]
    if found := ending(account):
        lines += ["", *found]
    return lines


def _strategy_rows(account: nouns.Account) -> tuple[tuple[str, str], ...]:
    """Who decides what it trades, and what its own strategy does; all empty for an account without one."""
    strategy = account.strategy
    if not strategy.name:
        return ()
    off = "off until the account is restarted" if strategy.failure else "off, its master's trades are copied"
    return (
        ("strategy", f"{plain(strategy.name)}: {'on' if strategy.on else off}"),
        ("strategy error", plain(strategy.failure)),
        ("strategy orders", f"{strategy.orders_sent} since the process started"),
        ("strategy last", plain(strategy.last)),
    )


def _preflight_rows(found: nouns.Preflight) -> tuple[tuple[str, str], ...]:
    """What was found out about the key before anything was traded; all empty before that."""
    if not found.HasField("checked_at"):
        return ()
    clock = ("exchange clock", f"{found.clock_offset_ms / 1000:+.1f} s")
    checked = ("checked", local_time(found.checked_at))
    if not found.key_known:
        return ("key", "the exchange does not tell what it may do"), clock, checked
    return (
        ("exchange account", plain(found.account_number) or "not shown"),
        ("key may", plain(", ".join(found.permissions)) or "nothing"),
        ("key lacks", plain(", ".join(found.missing_permissions))),
        (
            "key window",
            f"{found.nonce_window}" + ("" if found.nonce_window else " (requests in strict order)"),
        ),
        ("key expires", local_time(found.valid_until) or "never"),
        ("key works from", plain(", ".join(found.allowed_addresses)) or "any address"),
        clock,
        checked,
    )


def _rate_rows(rate: nouns.RateStatus) -> tuple[tuple[str, str], ...]:
    """How much of the exchange's limits is used; all empty while nothing is counted."""
    if not rate.rest_limit:
        return ()
    waiting = f", {rate.waiting} calls wait" if rate.waiting else ""
    orders = f"{rate.order_counter:.1f} of {rate.order_limit:g} for {plain(rate.order_pair)}"
    return (
        ("tier", plain(rate.tier)),
        ("calls counted", f"{rate.rest_counter:.1f} of {rate.rest_limit:g}{waiting}"),
        ("orders counted", orders if rate.order_pair else ""),
        ("refused for rate", str(rate.refused)),
    )


#: Verdicts on a nonce that someone has to act on.
NONCE_TROUBLE = frozenset({"NONCE_BEHIND", "NONCE_WINDOW", "FILE_DAMAGED"})


def nonce_page(report: nouns.NonceReport) -> list[str]:
    """Everything that is known of the nonce of one account's key."""
    known = report.exchange_known
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
            ("ahead of clock", f"{report.ahead_us / 1e6:.3f} s" if report.last or report.reserved else ""),
            (
                "at the exchange",
                f"{report.exchange_nonce}, window {report.exchange_window}" if known else "not shown",
            ),
            ("exchange clock", f"{report.clock_offset_ms / 1000:+.1f} s" if known else ""),
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
        *cap_warning(status.copies),
    ]


def status_head(status: pb.GetStatusResponse) -> list[str]:
    """What is true of the whole system, without the accounts."""
    exchange = status.exchange
    return pairs(
        (
            ("system", joined("READY" if status.ready else f"NOT READY: {status.message}", stopped(status))),
            (
                "krakencopyd",
                (
                    f"{status.version}, run {status.epoch}, pid {status.pid}, up since "
                    f"{local_time(status.started_at)}"
                ),
            ),
            ("exchange", f"{exchange.mode}, REST {exchange.rest_url}, WebSocket {exchange.ws_url}"),
            ("fills", str(status.head_seq)),
            ("copies", ", ".join(f"{count} {name}" for name, count in _counted(status.copies))),
            ("capped", _capped(status.copies, " entries")),
        )
    )


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
        (f"WARNING: the risk cap cut {_capped(counts, ' entries')}: is max_user_risk meant to be this low?"),
    ]


def reload_page(answer: pb.ReloadResponse) -> list[str]:
    """What a new configuration changes, one line for each account and each setting of the supervisor."""
    lines = [_change_line(change) for change in answer.accounts]
    lines += [f"changed: {_setting(setting)} (at once)" for setting in answer.settings]
    if not lines:
        return ["nothing has changed"]
    return lines if answer.applied else [*lines, "a dry run: nothing of this was applied"]


def _change_line(change: pb.AccountChange) -> str:
    kind = word(pb.ChangeKind.DESCRIPTOR, change.kind).lower()
    settings = ", ".join(_setting(setting) for setting in change.settings)
    effect = f" ({plain(change.effect)})" if change.effect else ""
    return f"{kind}: {plain(change.account_id)}" + (f": {settings}" if settings else "") + effect


def _setting(setting: pb.SettingChange) -> str:
    old, new = (plain(value) or "(not set)" for value in (setting.old_value, setting.new_value))
    return f"{plain(setting.key)} {old} -> {new}"


def report_page(report: pb.GetReportResponse, room: int | None = None) -> list[str]:
    """What became of every fill at every user."""
    columns = [
        Column("ACCOUNT"),
        Column("FILLS", right=True, extra=1),
        *(Column(name.upper(), right=True) for name, _ in _counted(pb.CopyCounts())),
        Column("CAPPED", right=True),
        Column("UNANSWERED", right=True, extra=2),
    ]
    unanswered = f"{report.unanswered} UNANSWERED" if report.unanswered else "all answered by every user"
    lines = [f"{report.fills} fills in the journal, {unanswered}", ""]
    lines += table(columns, [_report_row(account) for account in report.accounts], room)
    total = pb.CopyCounts()
    for account in report.accounts:
        lines += _report_details(account)
        total.capped += account.copies.capped
        total.sized_entries += account.copies.sized_entries
    return lines + cap_warning(total)


def _report_row(account: pb.AccountReport) -> list[str]:
    return [
        plain(account.account_id) + (" (removed)" if account.removed else ""),
        str(account.fills),
        *(str(count) for _, count in _counted(account.copies)),
        _capped(account.copies),
        str(account.unanswered),
    ]


def _report_details(account: pb.AccountReport) -> list[str]:
    reasons = sorted(account.reasons.items(), key=lambda item: (-item[1], item[0]))
    latency = ""
    if account.HasField("latency_median"):
        median, worst = (
            milliseconds(length, known=True) for length in (account.latency_median, account.latency_p99)
        )
        latency = (
            f"{median} ms median, {worst} ms p99, from the master hearing of a fill to the order leaving"
        )
    lines = pairs(
        (
            ("unanswered", f"{account.unanswered} fills" if account.unanswered else ""),
            ("bought", _amounts(dict(account.bought))),
            ("sold", _amounts(dict(account.sold))),
            ("fees", _amounts(dict(account.fees))),
            ("reasons", plain(", ".join(f"{count} x {reason}" for reason, count in reasons))),
            ("latency", latency),
        ),
        indent="  ",
    )
    return ["", f"{plain(account.account_id)}:", *lines] if lines else []


def _amounts(by_asset: dict[str, str]) -> str:
    return ", ".join(f"{amount} {asset}" for asset, amount in sorted(by_asset.items()))
