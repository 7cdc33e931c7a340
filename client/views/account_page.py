"""One account on one page, for people. Pure: a message in, lines out."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.client.views.formats import local_time, money, plain, short, word
from krakencopy.client.views.process_exit import ending
from krakencopy.client.views.rows import (
    account_reason,
    copies,
    feed,
    lacking,
    marked,
    missing,
    owed,
    paused,
    times,
    warnings,
)
from krakencopy.client.views.setting_notes import settings_differ
from krakencopy.client.views.table import Column, pairs, table
from krakencopy.client.views.trading_pages import flattening, restricted
from krakencopy.v1 import types_pb2 as nouns


def account_page(account: nouns.Account, now: float | None = None) -> list[str]:
    """One account with all that is known of it. ``now`` (Unix seconds): how old things are is shown."""
    nonce = account.nonce
    is_known = copies(account) and account.pid != 0
    lines = pairs(
        (
            ("account", marked(account.id, is_shadow=account.shadow)),
            ("role", word(nouns.Role.DESCRIPTOR, account.role).lower()),
            ("broker", account.broker),
            ("group", plain(account.group)),
            ("configured", "over the API" if account.owner == nouns.CONFIG_OWNER_API else ""),
            ("state", word(nouns.AccountState.DESCRIPTOR, account.state)),
            ("reason", account_reason(account)),
            ("leaving", plain(account.leaving)),
            ("trading", restricted(account)),
            ("flatten", flattening(account)),
            ("copying", paused(account)),
            ("settings", settings_differ(account)),
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
    lines += _pairs_table(account)
    lines += _copied_table(account, now)
    lines += _balances_table(account, now)
    lines += _strategy_table(account)
    lines += _rules_table(account)
    if account.drifts:
        lines += ["", "orders that the exchange tells otherwise than this account's ledger:"]
        lines += [f"  {local_time(d.found_at)} {plain(d.code)} {plain(d.message)}" for d in account.drifts]
    if found_lines := lacking(account):
        lines += ["", "what it needs and lacks:", *(f"  {line}" for line in found_lines)]
    lines += _notice_lines(account)
    if found_lines := warnings(account):
        lines += ["", *found_lines]
    if found_lines := ending(account):
        lines += ["", *found_lines]
    return lines


def _notice_lines(account: nouns.Account) -> list[str]:
    """What stops nothing, and how far its limits to losses are used up."""
    lines: list[str] = []
    for title, of_limits in (
        ("limits to losses:", True),
        ("not understood or refused, and left out; everything else goes on:", False),
    ):
        found = [n for n in account.notices if n.code.startswith("LIMIT_") == of_limits]
        if found:
            lines += ["", title]
        lines += [
            f"  {local_time(n.last_at)} {plain(n.code)} {plain(n.message)}{times(n.count)}" for n in found
        ]
    return lines


def _pairs_table(account: nouns.Account) -> list[str]:
    """The pairs that the account trades: its fees there, and the exchange's rules."""
    pairs_known = account.preflight.pairs or account.kept_pairs
    if not pairs_known:
        return []
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
        for pair in pairs_known
    ]
    return ["", *table(columns, rows)]


def _copied_table(account: nouns.Account, now: float | None) -> list[str]:
    """What copying holds, and what is carried."""
    if account.ledger_fault:
        return ["", f"what copying holds is not known: {plain(account.ledger_fault)}"]
    old = _as_of(account.positions_at, now)
    if not account.positions:
        return ["", f"copying holds nothing{old}"] if old else []
    rows = [
        [p.asset, p.volume, " + ".join(money(cost) for cost in p.costs), p.carried_buy, p.carried_sell]
        for p in account.positions
    ]
    held = ("HELD", "COST", "CARRIED BUY", "CARRIED SELL")
    columns = [Column("COPIED"), *(Column(title, right=True) for title in held)]
    return ["", *([f"what copying holds{old}:"] if old else []), *table(columns, rows)]


def _balances_table(account: nouns.Account, now: float | None) -> list[str]:
    """What the account holds, by asset."""
    if not account.HasField("balances_at"):
        return []
    columns = [Column("ASSET"), Column("BALANCE", right=True), Column("IN ORDERS", right=True)]
    rows = [[plain(each.asset), each.volume, each.held] for each in account.balances]
    read = f"read {local_time(account.balances_at)}{_age(account.balances_at, now)}"
    if account.pid:
        return ["", f"balances, {read}, and what was traded since:", *table(columns, rows)]
    return ["", f"balances, {read}, and what was traded until its ledger kept them:", *table(columns, rows)]


def _as_of(at: Timestamp, now: float | None) -> str:
    """For what is of a ledger that nobody writes at the moment."""
    return f", by its ledger of {local_time(at)}{_age(at, now)}" if at.ByteSize() else ""


def _age(at: Timestamp, now: float | None) -> str:
    if now is None:
        return ""
    seconds = max(now - at.ToNanoseconds() / 1e9, 0.0)
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f" ({seconds / length:.0f} {unit} ago)"
    return f" ({seconds:.0f} s ago)"


def rules_page(account: nouns.Account) -> list[str]:
    """The rules that it goes by, and where they are from."""
    return _rules_table(account)[1:] or [f"{plain(account.id)} goes by no rules of its own"]


def _rules_table(account: nouns.Account) -> list[str]:
    if not account.rules:
        return []
    columns = [Column("RULE"), Column("VALUE"), Column("FROM")]
    rows = [[plain(rule.key), plain(rule.value) or "-", _source(rule)] for rule in account.rules]
    return ["", *table(columns, rows)]


def _source(rule: nouns.EffectiveRule) -> str:
    of_file = f" (the file: {plain(rule.file_value) or 'not set'})" if rule.HasField("file_value") else ""
    return f"{plain(rule.source)}{of_file}"


def _strategy_table(account: nouns.Account) -> list[str]:
    """What the account's own strategy holds."""
    if not account.strategy.positions:
        return []
    rows = [[p.pair, p.volume, short(p.cost)] for p in account.strategy.positions]
    columns = [Column("BY ITS STRATEGY"), *(Column(title, right=True) for title in ("HELD", "COST"))]
    return ["", *table(columns, rows)]


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
        ("exchange account", plain(found.account_number) or "not known"),
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
