"""Limits to losses as [[copy.limits]] and [[total_limits]] write them."""

from __future__ import annotations

from krakencopy.account_proc.contract.loss_limits import (
    LIMITS_MAX,
    NAME,
    NAME_LENGTH_MAX,
    WARN_AT,
    Action,
    LossLimit,
    Metric,
    Window,
    usual_name,
)
from krakencopy.supervisor.config.toml_table import Table, show

_KEYS = frozenset({"name", "metric", "window", "max_loss", "warn_at", "action"})
_SUCH = 'metric = "equity", window = "day", max_loss = "5%", action = "reducing"'


def loss_limits_of(table: Table, key: str) -> tuple[LossLimit, ...] | None:
    """The limits of a table, those that are good; None where it has none. An empty list has none."""
    found: dict[str, LossLimit] = {}
    written = table.tables(key, f"write {key} = [{{ {_SUCH} }}]")
    if written is None or not table.has(key):
        return None
    for index, raw in written:
        item = table.item(key, index, raw, _KEYS)
        limit = _limit(item)
        if limit is None:
            continue
        if limit.name in found:
            item.fault("name", f"{show(limit.name)} is there twice", 'give each its own name = "..."')
        found[limit.name] = limit
    if len(found) > LIMITS_MAX:
        table.fault(key, f"{len(found)} limits are more than {LIMITS_MAX}", "take some out")
    return tuple(found.values())


def _limit(table: Table) -> LossLimit | None:
    for needed in ("metric", "window", "max_loss", "action"):
        if not table.has(needed):
            table.fault(needed, "missing", f"write {_SUCH}")
    metric, window = table.choice("metric", Metric), table.choice("window", Window)
    rule = 'write an amount with its currency, or percent of the equity: max_loss = "500 USD", or "5%"'
    max_loss, action = table.money_or_percent("max_loss", rule), table.choice("action", Action)
    rule = 'write a share of max_loss over 0% and up to 100%: warn_at = "80%"'
    warn_at = table.percent("warn_at", rule)
    name = _name(table)
    if metric is None or window is None or max_loss is None or action is None:
        return None
    name = name or usual_name(metric, window, max_loss, action)
    return LossLimit(name, metric, window, max_loss, WARN_AT if warn_at is None else warn_at, action)


def _name(table: Table) -> str | None:
    rule = f"use 1 to {NAME_LENGTH_MAX} of a-z, 0-9, ., _ and -, with a letter or digit first"
    written = table.text("name", rule)
    if written is not None and (len(written) > NAME_LENGTH_MAX or not NAME.fullmatch(written)):
        table.fault("name", f"{show(written)} cannot be a name", rule)
        return None
    return written
