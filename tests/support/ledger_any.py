"""Anything that a ledger may hold, drawn by Hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.domain.copy_plan import OrderPlan, Slice
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import BaseVolume, QuoteAmount, Ratio, Side
from krakencopy.account_proc.domain.requested_order import RequestedOrder

numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30)
bases, quotes = st.builds(BaseVolume, numbers), st.builds(QuoteAmount, numbers)
texts = st.text(max_size=20)
ids = st.text("abcXYZ0123456789-/", min_size=1, max_size=12)
times = st.floats(min_value=0, max_value=4e9)
slices = st.lists(st.builds(Slice, order_id=ids, volume=bases, cost=quotes, copy_id=texts), max_size=3)
copies = st.builds(
    CopyRecord,
    copy_id=ids,
    fill_seqs=st.lists(st.integers(1, 2**62), max_size=4).map(tuple),
    pair=texts,
    side=st.sampled_from(Side),
    state=st.sampled_from(CopyState),
    reason=st.sampled_from(Reason) | texts,
    detail=texts,
    cap=texts,
    planned=numbers,
    ordered=numbers,
    filled=numbers,
    cost=numbers,
    fee=numbers,
    fee_asset=texts,
    fee_base=numbers,
    limit_price=st.none() | numbers,
    master_price=numbers,
    order_id=texts,
    cl_ord_id=texts,
    attempts=st.integers(0, 99),
    joined_copy_id=texts,
    carried_in=st.lists(texts, max_size=3).map(tuple),
    slices=slices.map(tuple),
    sweep=st.booleans(),
    user_equity=numbers,
    deadline=times,
    executed_at=times,
    received_at=times,
    decided_at=times,
    sent_at=times,
    acknowledged_at=times,
    finished_at=times,
)
plans = st.builds(
    OrderPlan, order_id=ids, ratio=st.builds(Ratio, numbers), cap=quotes,
    user_equity=quotes, master_volume=bases, target=bases, allotted=bases, cost=quotes,
    cap_key=texts, too_small=st.booleans(),
)  # fmt: skip
requested_orders = st.builds(
    RequestedOrder,
    request_id=texts.filter(bool),
    cl_ord_id=ids,
    pair=texts,
    side=st.sampled_from(Side),
    volume=numbers,
    limit_price=st.none() | numbers,
    state=st.sampled_from(CopyState),
    deadline=times,
    order_id=texts,
    description=texts,
    error=texts,
    strategy=texts,
    filled=numbers,
    cost=numbers,
    fee_base=numbers,
    fee_quote=numbers,
)
