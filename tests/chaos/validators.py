"""Judges of a record, each a pure function from a record to findings, after the manner of etcd's robustness
tests.

Nothing here is asked while the system runs: everything was written down, and is held against the exchange's
own books. ``VALIDATORS`` lists all of them. A test forges one small record for each defect, which must be
caught.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator

from tests.chaos.judge_copies import (
    age_decides_about_entries_only,
    coins_are_taken_in_order,
    each_fill_has_one_end_for_each_user,
    nonces_grow,
    nothing_is_doubled,
    one_order_at_a_time,
    orders_and_intents_belong_together,
    volumes_are_those_of_the_model,
)
from tests.chaos.judge_exits import exits_converge, nothing_rests
from tests.chaos.judge_journal import (
    earlier_runs_are_over,
    journal_counts_what_the_master_bought,
    journal_is_what_the_master_did,
    logs_hold_no_surprise,
    supervisors_end_for_a_reason,
    what_was_frozen_is_true,
)
from tests.chaos.judge_money import (
    cash_is_true,
    entries_are_bound,
    equity_is_true,
    no_master_order_costs_more_than_its_cap,
    nobody_sells_what_copying_did_not_buy,
    what_is_the_users_own_is_still_there,
)
from tests.chaos.judge_states import (
    a_flatten_leaves_nothing,
    nothing_arrives_against_a_state_that_is_kept_to,
)
from tests.chaos.limits import no_entry_is_in_a_pair_that_is_left_out, no_entry_is_past_what_a_day_may_have
from tests.chaos.loss_limits import a_reset_lets_it_trade_again, nothing_is_bought_after_a_hit
from tests.chaos.records import Finding, Record

VALIDATORS: tuple[Callable[[Record], Iterator[Finding]], ...] = (
    journal_is_what_the_master_did,
    what_was_frozen_is_true,
    journal_counts_what_the_master_bought,
    each_fill_has_one_end_for_each_user,
    orders_and_intents_belong_together,
    nothing_is_doubled,
    volumes_are_those_of_the_model,
    equity_is_true,
    cash_is_true,
    nobody_sells_what_copying_did_not_buy,
    what_is_the_users_own_is_still_there,
    entries_are_bound,
    no_master_order_costs_more_than_its_cap,
    no_entry_is_past_what_a_day_may_have,
    no_entry_is_in_a_pair_that_is_left_out,
    age_decides_about_entries_only,
    exits_converge,
    nothing_rests,
    nonces_grow,
    earlier_runs_are_over,
    supervisors_end_for_a_reason,
    one_order_at_a_time,
    coins_are_taken_in_order,
    nothing_arrives_against_a_state_that_is_kept_to,
    a_flatten_leaves_nothing,
    nothing_is_bought_after_a_hit,
    a_reset_lets_it_trade_again,
    logs_hold_no_surprise,
)


def judge(record: Record) -> list[Finding]:
    """What all validators find."""
    return [finding for validator in VALIDATORS for finding in validator(record)]


def findings_text(findings: Iterable[Finding]) -> str:
    """Findings as JSON lines."""
    rows = [{"validator": item.validator, "account": item.account, "text": item.text} for item in findings]
    return "".join(f"{json.dumps(row)}\n" for row in rows)
