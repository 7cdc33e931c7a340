"""A system to look at: one master, two users, a fill and what they made of it."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

#: 2026-01-02 03:04:05 UTC.
START_S = 1767323045


def at(milliseconds: float = 0) -> Timestamp:
    """So long after START."""
    nanoseconds = round(milliseconds * 1e6)
    return Timestamp(seconds=START_S + nanoseconds // 10**9, nanos=nanoseconds % 10**9)


def master() -> nouns.Account:
    return nouns.Account(
        id="master",
        role=nouns.ROLE_MASTER,
        broker="kraken",
        state=nouns.ACCOUNT_STATE_RUNNING,
        since=at(),
        pid=100,
        equity=nouns.Money(amount="10000.00", asset="USD"),
        feed_connected=True,
    )


def user(
    account_id: str = "bob", state: int = nouns.ACCOUNT_STATE_RUNNING, reason: str = "", message: str = ""
) -> nouns.Account:
    return nouns.Account(
        id=account_id,
        role=nouns.ROLE_USER,
        broker="kraken",
        state=nouns.AccountState.ValueType(state),
        reason=reason,
        message=message,
        since=at(1000),
        pid=101,
        equity=nouns.Money(amount="1000.00", asset="USD"),
        feed_connected=True,
        cursor_seq=12,
        copies_open=1,
    )


def status(
    *accounts: nouns.Account, ready: bool = True, message: str = "", capped: int = 0, sized_entries: int = 0
) -> pb.GetStatusResponse:
    return pb.GetStatusResponse(
        ready=ready,
        message=message,
        version="0.1.0",
        pid=42,
        epoch=3,
        started_at=at(),
        exchange=pb.ExchangeStatus(
            mode="paper", rest_url="http://127.0.0.1:8080", ws_url="ws://127.0.0.1:8080/v2"
        ),
        accounts=accounts or (master(), user()),
        head_seq=12,
        head_change=40,
        head_event=9,
        copies=pb.CopyCounts(
            filled=10,
            part_filled=1,
            rejected=2,
            skipped=3,
            carried=4,
            open=5,
            capped=capped,
            sized_entries=sized_entries,
        ),
    )


def fill(seq: int = 12, pair: str = "BTC/USD") -> nouns.Fill:
    return nouns.Fill(
        seq=seq,
        epoch=3,
        exec_id="TABCDE-FGHIJ-KLMNOP",
        order_id="OABCDE-FGHIJ-KLMNOP",
        pair=pair,
        side=nouns.SIDE_BUY,
        price="60000.0",
        volume="0.00500000",
        fee=nouns.Money(amount="0.78", asset="USD"),
        master_equity="10000.00",
        master_cash="8000.00",
        master_position_before="0.03000000",
        source=nouns.FILL_SOURCE_FEED,
        executed_at=at(0),
        received_at=at(1.5),
        journalled_at=at(2.0),
    )


def copy(
    account_id: str = "bob", *seqs: int, state: int = nouns.COPY_STATE_FILLED, revision: int = 1
) -> nouns.Copy:
    return nouns.Copy(
        account_id=account_id,
        copy_id=f"c{(seqs or (12,))[0]}",
        fill_seqs=seqs or (12,),
        pair="BTC/USD",
        side=nouns.SIDE_BUY,
        state=nouns.CopyState.ValueType(state),
        reason="SCALED",
        detail="0.005 x 1000 / 10000",
        planned_volume="0.00050000",
        ordered_volume="0.00050000",
        filled_volume="0.00050000",
        avg_price="60001.0",
        fee=nouns.Money(amount="0.08", asset="USD"),
        order_id="OUSER1",
        cl_ord_id="kc-bob-12",
        attempts=1,
        user_equity="1000.00",
        revision=revision,
        fanned_out_at=at(2.25),
        received_at=at(3.0),
        decided_at=at(3.125),
        sent_at=at(4.0),
        acknowledged_at=at(54.0),
        finished_at=at(60.0),
    )


def reloaded(*, applied: bool) -> pb.ReloadResponse:
    def setting(key: str, old: str, new: str) -> pb.SettingChange:
        return pb.SettingChange(key=key, old_value=old, new_value=new)

    def change(
        account_id: str, kind: pb.ChangeKind.ValueType, effect: str, *settings: pb.SettingChange
    ) -> pb.AccountChange:
        return pb.AccountChange(account_id=account_id, kind=kind, effect=effect, settings=settings)

    risk, strategy = setting("copy.max_user_risk", "0.10", "0.05"), setting("strategy", "", "mine")
    return pb.ReloadResponse(
        applied=applied,
        source="/etc/krakencopy.toml",
        accounts=[
            change("ann", pb.CHANGE_KIND_ADDED, "it copies what the master trades from now on"),
            change("bob", pb.CHANGE_KIND_REMOVED, "it has no process"),
            change("eve", pb.CHANGE_KIND_CHANGED, "its process restarts", risk, strategy),
        ],
        settings=[setting("startup.nonce_separation_s", "5", "0")],
    )


def event(seq: int = 5, account_id: str = "bob") -> nouns.Event:
    return nouns.Event(
        seq=seq,
        at=at(),
        severity=nouns.SEVERITY_WARNING,
        account_id=account_id,
        code="ACCOUNT_STATE_CHANGED",
        message="RUNNING -> DEGRADED",
    )


def explanation(*outcomes: pb.FillOutcome) -> pb.ExplainFillResponse:
    told = outcomes or (
        pb.FillOutcome(
            account_id="bob", copy=copy(), explanation="Copied at a tenth.", latency=Duration(nanos=2_500_000)
        ),
    )
    return pb.ExplainFillResponse(fill=fill(), outcomes=told)


def with_preflight(account: nouns.Account, *warnings: str) -> nouns.Account:
    account.preflight.CopyFrom(
        nouns.Preflight(
            checked_at=at(),
            key_known=True,
            permissions=["modify-trades", "query-funds"],
            clock_offset_ms=-260,
            pairs=[
                nouns.PairTerms(
                    pair="BTC/USD",
                    maker_percent="0.4",
                    taker_percent="0.8",
                    ordermin="0.00005",
                    costmin="0.5",
                    tick_size="0.1",
                    lot_decimals=8,
                    status="online",
                )
            ],
            warnings=warnings,
        )
    )
    return account
