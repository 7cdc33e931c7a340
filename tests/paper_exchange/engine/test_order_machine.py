"""Whatever is done with orders, in whatever order: money is kept, and the books agree with each other."""

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from krakencopy.paper_exchange.accounts.ledger import LedgerKind
from krakencopy.paper_exchange.accounts.orders import ExecType, Order, OrderStatus
from krakencopy.paper_exchange.accounts.rate_limits import Tier
from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.pairs import Asset
from krakencopy.paper_exchange.values.params import Params
from krakencopy.paper_exchange.values.trading_mode import PairStatus
from krakencopy.paper_exchange.venue import order_api as trading
from krakencopy.paper_exchange.venue import treasury
from tests.support.paper_venue import SECOND_US, USD, XBT, XBTUSD, order_params, venue

# What may be refused in this game; anything else is a fault of the exchange (or of the game).
REFUSALS = (
    "EOrder:Insufficient funds",
    "EOrder:Post only order",
    "EGeneral:Invalid arguments:volume minimum not met",
    "EOrder:Invalid limit price",
    "EOrder:Rate limit exceeded",
    "EOrder:Orders limit exceeded",
    "EOrder:Unknown order",
    "EOrder:Invalid order",
    "EService:Market in",
    "EGeneral:Invalid arguments:cl_ord_id not unique",
    "EGeneral:Invalid arguments:volume",
    "EGeneral:Invalid arguments:post_only",
    "EGeneral:Invalid arguments:trigger_price",
    "EGeneral:Invalid arguments:limit_price",
    "EGeneral:Invalid arguments:pair",
    "EGeneral:Invalid arguments:display_qty",
    "EGeneral:Invalid arguments:displayvol",
)
ENDS = {
    OrderStatus.CLOSED: ExecType.FILLED,
    OrderStatus.CANCELED: ExecType.CANCELED,
    OrderStatus.EXPIRED: ExecType.EXPIRED,
}

prices = st.integers(480_000, 520_000).map(lambda ticks: f"{Decimal(ticks) / 10}")
volumes = st.integers(5_000, 300_000_000).map(lambda lots: f"{Decimal(lots).scaleb(-8):.8f}")
sides = st.sampled_from(["buy", "sell"])
kinds = st.one_of(
    st.builds("limit {}".format, prices),
    st.just("market"),
    st.builds("stop-loss {}".format, prices),
    st.builds("take-profit {}".format, prices),
    st.builds("stop-loss-limit {} {}".format, prices, prices),
    st.builds("take-profit-limit {} {}".format, prices, prices),
    st.just("trailing-stop +0.5%"),
    st.just("trailing-stop-limit +150 #20"),
)
closes = st.sampled_from(
    [
        {},
        {},
        {"close": {"ordertype": "limit", "price": "#1%"}},
        {"close": {"ordertype": "trailing-stop", "price": "+1%"}},
    ]
)
extras = st.fixed_dictionaries(
    {},
    optional={
        "timeinforce": st.sampled_from(["GTC", "IOC"]),
        "starttm": st.sampled_from(["+10", "+60"]),
        "oflags": st.sampled_from(["fcib", "fciq"]),
        "cl_ord_id": st.sampled_from(["one", "two"]),
        "stptype": st.sampled_from(["cancel-newest", "cancel-oldest", "cancel-both"]),
    },
)
pick = st.integers(0, 30)


class Orders(RuleBasedStateMachine):
    """Every call that places, changes or ends orders, and everything that happens to them by itself."""

    @initialize(
        usd=st.integers(0, 300_000),
        lots=st.integers(0, 500_000_000),
        limited=st.booleans(),
        tier=st.sampled_from(Tier),
    )
    def begin(self, usd: int, lots: int, limited: bool, tier: Tier) -> None:
        self.traded, self.matched = 0, True
        self.market = venue(str(usd), f"{Decimal(lots).scaleb(-8):.8f}", limited=limited, tier=tier)

    def order(self, place: int) -> Order | None:
        """One of the open orders, or now and then of all."""
        account = self.market.account
        orders = list((account.open_orders if place % 5 else account.orders).values())
        return orders[place % len(orders)] if orders else None

    def attempt(self, call: object, *arguments: object) -> None:
        self.market.now_us += 1_000
        try:
            call(*arguments)  # type: ignore[operator]  # one of the functions of `trading`
        except KrakenError as error:
            assert error.text.startswith(REFUSALS), error.text  # noqa: PT017 - refusals are part of the game

    @rule(side=sides, volume=volumes, kind=kinds, extra=extras, close=closes)
    def add(self, side: str, volume: str, kind: str, extra: dict[str, str], close: dict[str, str]) -> None:
        self.attempt(
            trading.add_order, self.market.caller, order_params(f"{side} {volume} {kind}", **extra | close)
        )

    @rule(side=sides, volume=volumes, price=prices, how=st.sampled_from(["FOK", "GTD", "post", "iceberg"]))
    def add_odd(self, side: str, volume: str, price: str, how: str) -> None:
        form = {
            "FOK": order_params(f"{side} {volume} limit {price}", timeinforce="FOK"),
            "GTD": order_params(f"{side} {volume} limit {price}", timeinforce="GTD", expiretm="+30"),
            "post": order_params(f"{side} {volume} limit {price}", oflags="post"),
            "iceberg": order_params(f"{side} {volume} iceberg {price}", displayvol=volume),
        }
        self.attempt(trading.add_order, self.market.caller, form[how])

    @rule(cash=st.integers(1, 200_000).map(str), oflags=st.sampled_from(["viqc", "viqc,fcib"]))
    def spend(self, cash: str, oflags: str) -> None:
        self.attempt(trading.add_order, self.market.caller, order_params(f"buy {cash} market", oflags=oflags))

    @rule(lines=st.lists(st.tuples(sides, volumes, kinds), min_size=2, max_size=4))
    def add_batch(self, lines: list[tuple[str, str, str]]) -> None:
        orders = [dict(order_params(" ".join(line)).values) for line in lines]
        self.attempt(trading.add_batch, self.market.caller, Params({"pair": "XBTUSD", "orders": orders}))

    @rule(
        place=pick,
        changes=st.fixed_dictionaries({"order_qty": volumes})
        | st.fixed_dictionaries({"limit_price": prices}, optional={"order_qty": volumes})
        | st.fixed_dictionaries({"limit_price": prices, "post_only": st.just("true")})
        | st.fixed_dictionaries({"trigger_price": prices | st.just("+0.4%")}),
    )
    def amend(self, place: int, changes: dict[str, str]) -> None:
        order = self.order(place)
        if order is not None:
            form = Params({"txid": order.txid} | changes)
            self.attempt(trading.amend, self.market.caller, form)

    @rule(
        place=pick, changes=st.fixed_dictionaries({}, optional={"volume": volumes, "oflags": st.just("fcib")})
    )
    def edit(self, place: int, changes: dict[str, str]) -> None:
        order = self.order(place)
        if order is not None:
            form = Params({"txid": order.txid, "pair": "XBTUSD"} | changes)
            self.attempt(trading.edit, self.market.caller, form)

    @rule(place=pick)
    def cancel(self, place: int) -> None:
        order = self.order(place)
        if order is not None:
            account = self.market.account
            self.attempt(lambda: trading.cancel(self.market.caller, trading.named(account, order.txid)))

    @rule(places=st.lists(pick, min_size=1, max_size=4))
    def cancel_batch(self, places: list[int]) -> None:
        orders = [order.txid for place in places if (order := self.order(place)) is not None]
        if orders:
            self.attempt(trading.cancel_batch, self.market.caller, Params({"orders": orders}))

    @rule(all_of_them=st.booleans(), timeout=st.sampled_from(["0", "5", "60"]))
    def cancel_all(self, all_of_them: bool, timeout: str) -> None:
        if all_of_them:
            self.attempt(trading.cancel_all, self.market.caller)
        else:
            self.attempt(trading.cancel_after, self.market.caller, Params({"timeout": timeout}))

    @rule(seconds=st.sampled_from([1, 7, 31, 3_000_000]))
    def wait(self, seconds: int) -> None:
        self.market.wait(seconds)

    @rule(price=prices, volume=volumes)
    def trade(self, price: str, volume: str) -> None:
        self.market.trade(price, volume)

    @rule(bid=prices, spread=st.integers(0, 500), depth=st.none() | volumes)
    def pin(self, bid: str, spread: int, depth: str | None) -> None:
        self.market.pin(bid, f"{Decimal(bid) + Decimal(spread) / 10}", depth)

    @rule(amount=st.integers(-1_000, 1_000).map(Decimal))
    def deposit(self, amount: Decimal) -> None:
        treasury.deposit(self.market.exchange, self.market.account, USD, amount, self.market.now_us)

    @rule(holds=st.booleans())
    def hold(self, holds: bool) -> None:
        self.market.exchange.rules.holds = holds

    @rule(status=st.sampled_from([PairStatus.ONLINE] * 9 + list(PairStatus)))
    def list_pair(self, status: PairStatus) -> None:
        pair_rules = self.market.exchange.conditions.pair_rules(XBTUSD)
        changed = replace(pair_rules, status=status)
        self.market.exchange.list_pair(XBTUSD, changed, self.market.now_us)

    @invariant()
    def holds_are_those_of_the_open_orders_and_never_more_than_the_balance(self) -> None:
        account = self.market.account
        for asset in (USD, XBT):
            held = sum(order.held for order in account.open_orders.values() if order.paying_asset is asset)
            assert account.held(asset) == held
            assert 0 <= held <= account.balance(asset)

    @invariant()
    def balances_are_what_the_ledger_says_and_the_ledger_is_what_the_trades_say(self) -> None:
        account = self.market.account
        booked: dict[Asset, Decimal] = defaultdict(Decimal)
        for entry in account.ledger:
            booked[entry.asset] += entry.amount - entry.fee
            assert entry.balance == booked[entry.asset]
            assert entry.fee >= 0
        assert account.balances == {asset: booked[asset] for asset in account.balances}
        booked_trades = [entry for entry in account.ledger if entry.kind is LedgerKind.TRADE]
        assert booked_trades == [entry for trade in account.trades for entry in trade.ledger]

    @invariant()
    def an_order_is_open_exactly_while_it_may_still_do_something(self) -> None:
        account, books = self.market.account, self.market.exchange.engine._books
        opened = {txid for txid, order in account.orders.items() if order.status.is_open}
        assert opened == account.open_orders.keys()
        assert account.open_count(XBTUSD) == len(opened)
        assert len(account.closed_orders) == len(account.orders) - len(opened)
        resting, waiting = books._resting[XBTUSD].keys(), books._waiting[XBTUSD].keys()
        pending = {txid for txid in opened if account.orders[txid].status is OrderStatus.PENDING}
        assert not resting & waiting
        assert opened == resting | waiting | pending
        assert waiting == {txid for txid in opened - pending if account.orders[txid].waits}

    @invariant()
    def an_order_has_traded_what_its_trades_say_within_its_limit(self) -> None:
        for order in self.market.account.orders.values():
            assert sum(trade.volume for trade in order.trades) == order.vol_exec
            assert sum(trade.cost for trade in order.trades) == order.cost
            assert (order.status is OrderStatus.CLOSED) == (order.vol_exec == order.request.volume)

    @invariant()
    def nothing_trades_while_the_pair_does_not_match(self) -> None:
        market = self.market
        if self.matched or market.exchange.conditions.matches(XBTUSD):
            self.traded = len(market.account.trades)
        assert len(market.account.trades) == self.traded
        self.matched = market.exchange.conditions.matches(XBTUSD)

    @invariant()
    def client_ids_are_those_of_open_orders(self) -> None:
        account = self.market.account
        named = [order for order in account.open_orders.values() if order.request.cl_ord_id]
        assert all(account.open_order_of(order.request.cl_ord_id or "") is order for order in named)
        assert len(account._open_by_client_id) == len(named)

    @invariant()
    def the_counter_is_never_below_zero(self) -> None:
        assert trading.rate_count(self.market.account, XBTUSD, self.market.now_us) >= 0

    def teardown(self) -> None:
        """The events of each order tell its whole story, and in the end everything can be let go."""
        if not hasattr(self, "market"):
            return
        for order in self.market.account.orders.values():
            events = [event for event in self.market.events if event.order is order]
            assert events[0].kind is ExecType.PENDING_NEW
            assert [event.trade for event in events if event.trade is not None] == order.trades
            totals = [event.cum_qty for event in events]
            assert totals == sorted(totals)
            assert totals[-1] == order.vol_exec
            ends = [event for event in events if event.kind in ENDS.values()]
            assert [event.kind for event in ends] == ([] if order.status.is_open else [ENDS[order.status]])
        self.market.now_us += 31 * 24 * 3600 * SECOND_US
        self.attempt(trading.cancel_all, self.market.caller)
        assert self.market.account.held(USD) == self.market.account.held(XBT) == 0


TestOrders = Orders.TestCase
TestOrders.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
