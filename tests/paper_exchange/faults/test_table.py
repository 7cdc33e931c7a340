"""Which event a fault fires on: the pure part, without an exchange."""

import json
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.control.fault_forms import FaultRefused, fault_row, fields, parse_fault
from krakencopy.paper_exchange.faults.table import CutWhen, Fault, FaultKind, Faults, FaultSpec, Occasion
from krakencopy.paper_exchange.values import exact_json as wire_json
from tests.support.paper_venue import CATALOGUE

ACCOUNTS = ("tania", "daivon", "master")
METHODS = ("AddOrder", "Balance", "OpenOrders")

accounts = st.sampled_from(ACCOUNTS)
events = st.lists(st.tuples(accounts, st.sampled_from(METHODS)), max_size=60)
probabilities = st.sampled_from(["0", "0.1", "0.5", "0.9", "1"]).map(Decimal)
specs = st.builds(
    FaultSpec,
    kind=st.sampled_from([FaultKind.DROP_REPLY, FaultKind.ERROR]),
    account=st.none() | accounts,
    method=st.none() | st.sampled_from(METHODS),
    count=st.integers(0, 5),
    after=st.integers(0, 5),
    probability=probabilities,
    seed=st.integers(-3, 3),
)


def fires(spec: FaultSpec, requests: list[tuple[str, str]]) -> list[bool]:
    """Which of a sequence of requests a fault fires on that is alone."""
    faults = Faults()
    faults.add_fault(spec)
    return [faults.fire(Occasion.REQUEST, account, method) is not None for account, method in requests]


def chances(account: str | None = None, **changes: Any) -> FaultSpec:
    return FaultSpec(
        kind=FaultKind.DROP_REPLY, account=account, count=0, probability=Decimal("0.3"), **changes
    )


# --- matching and counting


@given(specs, events)
def test_a_fault_strikes_only_what_it_matches_and_no_more_than_count_times(
    spec: FaultSpec, requests: list[tuple[str, str]]
) -> None:
    struck = [request for request, fired in zip(requests, fires(spec, requests), strict=True) if fired]
    assert all(spec.account in {None, account} for account, _ in struck)
    assert all(spec.method in {None, method} for _, method in struck)
    assert spec.count == 0 or len(struck) <= spec.count


@given(specs, st.lists(st.sampled_from(METHODS), max_size=40))
def test_a_certain_fault_skips_after_matches_and_strikes_the_next_count(
    spec: FaultSpec, methods: list[str]
) -> None:
    certain = FaultSpec(kind=spec.kind, method=spec.method, count=spec.count, after=spec.after)
    matching = [place for place, method in enumerate(methods) if spec.method in {None, method}]
    due = matching[spec.after :]
    expected = due if spec.count == 0 else due[: spec.count]
    fired = fires(certain, [("tania", method) for method in methods])
    assert [place for place, struck in enumerate(fired) if struck] == expected


@given(st.lists(specs, max_size=6), events)
def test_of_several_faults_the_oldest_that_is_due_strikes_and_the_books_are_right(
    many: list[FaultSpec], requests: list[tuple[str, str]]
) -> None:
    faults = Faults()
    for spec in many:
        faults.add_fault(spec)
    struck = [faults.fire(Occasion.REQUEST, account, method) for account, method in requests]
    fired = Counter(fault.id for fault in struck if fault is not None)
    for fault in faults:
        assert fault.fired == fired[fault.id] <= fault.matched
        assert fault.exhausted == (0 < fault.spec.count <= fault.fired)
    if many:
        alone = fires(many[0], requests)
        assert [fault is not None and fault.id == 1 for fault in struck] == alone, "nobody is older"


def test_a_fault_that_another_forestalled_has_not_fired() -> None:
    faults = Faults()
    first, second = (faults.add_fault(FaultSpec(kind=FaultKind.DROP_REPLY)) for _ in range(2))
    assert [faults.fire(Occasion.REQUEST, "tania") for _ in range(3)] == [first, second, None]
    assert (first.fired, second.fired, second.matched) == (1, 1, 2)


def test_a_barred_kind_sees_the_event_and_keeps_its_shot() -> None:
    faults = Faults()
    swap = faults.add_fault(FaultSpec(kind=FaultKind.SWAP))
    assert faults.fire(Occasion.REQUEST, "tania", barred=frozenset({FaultKind.SWAP})) is None
    assert (swap.matched, swap.fired) == (1, 0)
    assert faults.fire(Occasion.REQUEST, "tania") is swap


def test_nothing_is_armed_where_no_fault_can_strike() -> None:
    faults = Faults()
    assert not faults.armed(Occasion.REQUEST)
    fault = faults.add_fault(FaultSpec(kind=FaultKind.DROP_REPLY))
    assert faults.armed(Occasion.REQUEST)
    assert not faults.distorting()
    faults.fire(Occasion.REQUEST, "tania")
    assert not faults.armed(Occasion.REQUEST), "it is exhausted"
    assert list(faults) == [fault], "but still listed"
    faults.add_fault(FaultSpec(kind=FaultKind.SEQUENCE_GAP))
    assert faults.distorting()
    assert [removed.id for removed in faults.remove([1, 2, 3])] == [1, 2]
    assert not faults.distorting()


def test_every_kind_waits_for_an_occasion_of_its_own() -> None:
    occasions = {kind: FaultSpec(kind=kind).occasion for kind in FaultKind}
    assert occasions[FaultKind.WS_CUT] is Occasion.NOW
    assert FaultSpec(kind=FaultKind.WS_CUT, when=CutWhen.AFTER_NEW).occasion is Occasion.ENTRY
    of_requests = {kind for kind, occasion in occasions.items() if occasion is Occasion.REQUEST}
    assert of_requests == {
        "drop_request",
        "drop_reply",
        "hang_reply",
        "trickle_reply",
        "hang_request",
        "truncate_reply",
        "html_5xx",
        "error",
        "wrong_order_id",
        "duplicate_delivery",
        "swap",
    }


# --- determinism


@given(events, st.integers())
def test_whatever_other_accounts_do_the_same_requests_are_decided_the_same_way(
    requests: list[tuple[str, str]], seed: int
) -> None:
    fired = fires(chances(seed=seed, after=2), requests)
    for account in ACCOUNTS:
        own = [struck for (asking, _), struck in zip(requests, fired, strict=True) if asking == account]
        assert own == fires(chances(seed=seed, after=2), [(account, "Balance")] * len(own))
        assert own == fires(chances(account, seed=seed, after=2), [(account, "Balance")] * len(own))


def test_the_decisions_of_a_seed_never_change() -> None:
    fired = fires(chances(seed=7), [("tania", "AddOrder")] * 24)
    assert "".join("x" if struck else "." for struck in fired) == "..x...x.x.x.xx.x...x..x."


def test_seeds_kinds_and_accounts_are_decided_apart_and_as_often_as_was_asked_for() -> None:
    requests = [("tania", "AddOrder")] * 2000
    tania = fires(chances(seed=1), requests)
    assert 500 < sum(tania) < 700
    assert tania != fires(chances(seed=2), requests)
    assert tania != fires(chances(seed=1), [("daivon", "AddOrder")] * 2000)
    error = FaultSpec(kind=FaultKind.ERROR, count=0, probability=Decimal("0.3"), seed=1)
    assert tania != fires(error, requests)


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers())
def test_a_lag_lies_between_delay_and_delay_with_jitter(delay: int, jitter: int, seed: int) -> None:
    def lags() -> list[int]:
        spec = FaultSpec(kind=FaultKind.VISIBILITY_LAG, delay_ms=delay, jitter_ms=jitter, seed=seed)
        faults = Faults()
        fault = faults.add_fault(spec)
        found = []
        for _ in range(5):
            assert faults.fire(Occasion.READ, "tania", "Balance") is fault
            found.append(fault.lag_us("tania"))
        return found

    assert all(delay * 1000 <= lag <= (delay + jitter) * 1000 for lag in lags())
    assert lags() == lags()


# --- reading and showing


def read(body: dict[str, Any]) -> FaultSpec:
    return parse_fault(
        wire_json.loads_as_text(json.dumps(body)), lambda name: name in ACCOUNTS, CATALOGUE.find_pair
    )


def refused(body: dict[str, Any]) -> str:
    with pytest.raises(FaultRefused) as caught:
        read(body)
    return caught.value.field


def test_a_fault_is_certain_and_fires_once_unless_told_otherwise() -> None:
    spec = read({"kind": "drop_reply"})
    assert (spec.account, spec.method, spec.count, spec.after, spec.probability) == (
        None,
        None,
        1,
        0,
        Decimal(1),
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "kind"),
        ({"kind": "rain"}, "kind"),
        ({"kind": ["swap"]}, "kind"),
        ({"kind": "swap", "account": "nobody"}, "account"),
        ({"kind": "swap", "account": None}, "account"),
        ({"kind": "swap", "method": "Time"}, "method"),
        ({"kind": "swap", "method": ["Balance"]}, "method"),
        ({"kind": "swap", "count": -1}, "count"),
        ({"kind": "swap", "count": 1.5}, "count"),
        ({"kind": "swap", "count": True}, "count"),
        ({"kind": "swap", "after": "two"}, "after"),
        ({"kind": "swap", "probability": 1.01}, "probability"),
        ({"kind": "swap", "probability": -0.1}, "probability"),
        ({"kind": "swap", "seed": "x"}, "seed"),
        ({"kind": "swap", "delay_ms": 3_600_001}, "delay_ms"),
        ({"kind": "swap", "colour": "red"}, "colour"),
        ({"kind": "drop_reply", "delay_ms": 5}, "delay_ms"),
        ({"kind": "hang_reply", "never": "yes"}, "never"),
        ({"kind": "hang_reply", "never": True, "delay_ms": 5}, "delay_ms"),
        ({"kind": "html_5xx", "status": 500}, "status"),
        ({"kind": "html_5xx", "executed": 1}, "executed"),
        ({"kind": "error"}, "error"),
        ({"kind": "error", "error": "no"}, "error"),
        ({"kind": "error", "error": "EService:Busy\r\nSet-Cookie: x"}, "error"),
        ({"kind": "partial_cancel", "fraction": 1}, "fraction"),
        ({"kind": "partial_cancel", "method": "AddOrder"}, "method"),
        ({"kind": "ws_cut", "when": "later"}, "when"),
        ({"kind": "ws_cut", "when": "now", "after": 1}, "after"),
        ({"kind": "ws_cut", "count": 2}, "count"),
        ({"kind": "ws_silence", "lose": "all"}, "lose"),
        ({"kind": "ws_refuse", "account": "tania"}, "account"),
        ({"kind": "expire_token", "close": 0}, "close"),
        ({"kind": "market_mode"}, "mode"),
        ({"kind": "market_mode", "mode": "closed"}, "mode"),
        ({"kind": "market_mode", "mode": "online", "account": "tania"}, "account"),
        ({"kind": "ordermin", "ordermin": "1"}, "pair"),
        ({"kind": "ordermin", "pair": "NOPE", "ordermin": "1"}, "pair"),
        ({"kind": "ordermin", "pair": "XBTUSD"}, "ordermin"),
        ({"kind": "ordermin", "pair": "XBTUSD", "costmin": "1e3"}, "costmin"),
        ({"kind": "clock_skew"}, "seconds"),
        ({"kind": "clock_skew", "seconds": 86_401}, "seconds"),
        ({"kind": "clock_skew", "seconds": "soon"}, "seconds"),
        ({"kind": "visibility_lag", "count": 1}, "count"),
        ({"kind": "visibility_lag", "method": "AddOrder"}, "method"),
    ],
)
def test_a_bad_fault_is_refused_by_the_name_of_the_field(body: dict[str, Any], field: str) -> None:
    assert refused(body) == field


whole = st.integers(0, 1_000_000)
values = {
    "account": accounts,
    "method": st.sampled_from(METHODS),
    "count": whole,
    "after": whole,
    "probability": st.decimals(0, 1, places=3).map(str),
    "seed": st.integers(-(2**63) + 1, 2**63 - 1),
    "delay_ms": whole,
    "jitter_ms": whole,
    "never": st.booleans(),
    "status": st.sampled_from([502, 503, 504, 520]),
    "executed": st.booleans(),
    "error": st.sampled_from(["EService:Busy", "EService:Throttled: <ts>"]),
    "fraction": st.decimals(0, "0.999", places=3).map(str),
    "cum_qty": st.booleans(),
    "when": st.sampled_from(["now", "after_new", "before_event"]),
    "lose": st.booleans(),
    "close": st.booleans(),
    "mode": st.sampled_from(["online", "cancel_only", "maintenance"]),
    "pair": st.sampled_from(["XBTUSD", "ETH/USD"]),
    "ordermin": st.decimals(0, 10, places=4).map(str),
    "costmin": st.decimals(0, 10, places=2).map(str),
    "stale": st.booleans(),
    "seconds": st.decimals(-100, 100, places=3).map(str),
    "row": st.sampled_from([{"descr": {}}, [], "odd"]),
    "key": st.text(max_size=4),
    "drift": st.decimals("-0.5", "0.5", places=3).map(str),
    "ordertype": st.sampled_from(["market", "limit"]),
}
# What some kinds take of a field where others take other values.
own_values: dict[FaultKind, dict[str, st.SearchStrategy[Any]]] = {
    FaultKind.FRONT_PAGE: {
        "status": st.sampled_from([403, 429]),
        "method": st.sampled_from(["Ticker", "Balance"]),
    },
    FaultKind.MARKET_REFUSED: {"method": st.sampled_from(["AddOrder", "Ticker"])},
    FaultKind.WRONG_ORDER_ID: {"method": st.just("AddOrder")},
    FaultKind.ODD_ROW: {"method": st.sampled_from(["ClosedOrders", "executions", "Ticker"])},
    FaultKind.VISIBILITY_LAG: {"method": st.sampled_from(["Balance", "OpenOrders"])},
}
required = {"error": "EService:Busy", "mode": "online", "pair": "XBTUSD", "ordermin": "1", "seconds": "5"}


@st.composite
def good_faults(draw: st.DrawFn) -> dict[str, Any]:
    """What every kind takes."""
    kind, when = draw(st.sampled_from(FaultKind)), draw(st.sampled_from(CutWhen))
    own = fault_row(Fault(1, FaultSpec(kind=kind, when=when))).keys() & values.keys()
    body: dict[str, Any] = {"kind": kind} | {name: required[name] for name in own & required.keys()}
    if kind is FaultKind.ODD_ROW:
        body["method"] = "Balance"
    if kind is FaultKind.WRONG_ORDER_ID:
        body["method"] = "AddOrder"
    of_kind = values | own_values.get(kind, {})
    body |= draw(st.fixed_dictionaries({}, optional={name: of_kind[name] for name in sorted(own)}))
    if kind is FaultKind.WS_CUT:
        body["when"] = when
    if body.get("never"):
        body.pop("delay_ms", None)
    return body


def test_the_values_of_these_tests_cover_every_field() -> None:
    assert values.keys() | {"kind"} == fields()


@given(good_faults())
def test_a_fault_is_shown_as_it_can_be_set_again(body: dict[str, Any]) -> None:
    spec = read(body)
    row = fault_row(Fault(4, spec, matched=3, fired=2))
    assert (row.pop("id"), row.pop("matched"), row.pop("fired")) == (4, 3, 2)
    assert row.keys() >= body.keys()
    if spec.never:
        del row["delay_ms"]
    assert read({name: value for name, value in row.items() if value is not None}) == spec


junk = st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.lists(st.integers(), max_size=2)


@given(
    st.dictionaries(st.sampled_from(sorted(fields())) | st.text(max_size=4), junk, max_size=5),
    st.sampled_from(FaultKind),
)
def test_any_body_is_read_or_refused_by_a_field(body: dict[str, Any], kind: FaultKind) -> None:
    for draft in (body, body | {"kind": kind}):
        try:
            read(draft)
        except FaultRefused as refusal:
            assert str(refusal).startswith(f"{refusal.field}: ")  # noqa: PT017 - both ends are right
