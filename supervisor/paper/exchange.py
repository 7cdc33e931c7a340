"""A paper exchange beside the supervisor: started with it, ended with it, with accounts and keys that are
made up here.

Its protocol is Kraken's; everything else about it is in paper_exchange/, which runs as a process of its own.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import secrets
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests

from krakencopy.account_proc.contract.spec import Credentials, Tier
from krakencopy.supervisor.config.model import AccountConfig, Config
from krakencopy.supervisor.config.reader import PaperMarket
from krakencopy.supervisor.paper.demo import balance_of
from krakencopy.supervisor.processes.python_command import process_environment, python_command

#: How long the paper exchange may take to start, in seconds.
START_TIMEOUT_S = 20.0
#: Answers of its control API, in seconds.
CALL_TIMEOUT_S = 10.0


class PaperFault(Exception):
    """The paper exchange could not be started, or refuses what it is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketOptions:
    """Which market the paper exchange shows."""

    kind: PaperMarket = PaperMarket.SYNTHETIC
    #: Of a live market; None is Kraken's own feed.
    live_url: str | None = None
    replay: Path | None = None
    seed: int = 1

    def arguments(self) -> list[str]:
        """For its command line."""
        if self.kind is PaperMarket.LIVE:
            feed = [] if self.live_url is None else ["--live-url", self.live_url]
            return ["--market", "live", *feed]
        if self.replay is not None:
            return ["--market", "replay", "--replay", str(self.replay), "--seed", str(self.seed)]
        return ["--market", "synthetic", "--seed", str(self.seed)]


class PaperExchange:
    """The process, and its control API."""

    def __init__(self, process: asyncio.subprocess.Process, lifeline: int, urls: Mapping[str, str]) -> None:
        self._process = process
        self._lifeline = lifeline
        self.rest_url = urls["rest_url"]
        self.ws_url = urls["ws_url"]
        self._session = requests.Session()
        self._session.trust_env = False

    @classmethod
    async def start(cls, market: MarketOptions, log_path: Path) -> PaperExchange:
        """Starts it on a free port. Raises PaperFault."""
        log_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # It ends when this pipe does: with the supervisor, however that ends.
        read_end, write_end = os.pipe()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(log_path, flags, 0o600), "ab") as errors:
            start = errors.tell()
            process = await asyncio.create_subprocess_exec(
                *python_command("krakencopy.paper_exchange"),
                "--port",
                "0",
                "--lifeline-fd",
                str(read_end),
                *market.arguments(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                pass_fds=(read_end,),
                start_new_session=True,
                env=process_environment(os.environ),
            )
        os.close(read_end)
        assert process.stdout is not None
        try:
            line = await asyncio.wait_for(process.stdout.readline(), START_TIMEOUT_S)
            return cls(process, write_end, json.loads(line))
        except (TimeoutError, ValueError, KeyError):
            os.close(write_end)
            await process.wait()
            content = log_path.read_bytes()  # noqa: ASYNC240 - nothing else runs yet
            said = content[start:].decode(errors="replace").strip()
            raise PaperFault(f"the paper exchange did not start: {said or 'no reason given'}") from None

    async def open_account(
        self, account_id: str, balance: str, credentials: Credentials, tier: Tier = Tier.PRO
    ) -> None:
        """Makes an account with one key. Raises PaperFault."""
        body = {
            "id": account_id,
            "balances": {"ZUSD": balance},
            "keys": [{"key": credentials.key, "secret": credentials.secret}],
        }
        await asyncio.to_thread(self._call, "POST", "/paper/v1/accounts", body | _limits_of(tier))

    async def add_key(self, account_id: str, credentials: Credentials) -> None:
        """Gives an account one more key. Raises PaperFault."""
        body = {"key": credentials.key, "secret": credentials.secret}
        await asyncio.to_thread(self._call, "POST", f"/paper/v1/accounts/{account_id}/keys", body)

    async def set_tier(self, account_id: str, tier: Tier) -> None:
        """Gives an account another tier. Raises PaperFault."""
        await asyncio.to_thread(self._call, "POST", f"/paper/v1/accounts/{account_id}", _limits_of(tier))

    async def fills(self) -> list[dict[str, Any]]:
        """Every fill of every account: the truth. Raises PaperFault."""
        rows: list[dict[str, Any]] = []
        while True:
            after = rows[-1]["n"] if rows else 0
            page = await asyncio.to_thread(self._call, "GET", f"/paper/v1/fills?after={after}")
            found = page["fills"] if isinstance(page, dict) else page
            if not found:
                return rows
            rows += found

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        try:
            answer = self._session.request(method, self.rest_url + path, json=body, timeout=CALL_TIMEOUT_S)
        except requests.RequestException as error:
            raise PaperFault(f"the paper exchange does not answer: {error}") from error
        if answer.status_code >= requests.codes.bad_request:
            raise PaperFault(f"the paper exchange refuses {path}: {answer.text}")
        return answer.json()

    async def close(self) -> None:
        """Ends it."""
        self._session.close()
        os.close(self._lifeline)
        await self._process.wait()


def _limits_of(tier: Tier) -> dict[str, Any]:
    """A tier as the paper exchange takes it."""
    limited = tier is not Tier.UNLIMITED
    return {"tier": tier if limited else Tier.PRO, "limits": limited}


def paper_credentials(account: AccountConfig) -> Credentials:
    """A key that is made up, new for each call; ``PaperKeys`` keeps it for the run."""
    key = base64.b64encode(hashlib.sha256(f"{account.id}/{secrets.token_hex(16)}".encode()).digest()).decode()
    return Credentials(key=key, secret=base64.b64encode(secrets.token_bytes(64)).decode())


class PaperKeys:
    """The keys of one paper run. They open nothing but the paper exchange of this run."""

    def __init__(self) -> None:
        self._keys: dict[str, Credentials] = {}

    def keep(self, account: AccountConfig, credentials: Credentials) -> None:
        """From now on the account has this key."""
        self._keys[account.id] = credentials

    def __call__(self, account: AccountConfig) -> Credentials:
        """The account's key, made when it is first asked for."""
        return self._keys.get(account.id) or self._keys.setdefault(account.id, paper_credentials(account))


class PaperAccounts:
    """The accounts of one run at its paper exchange, as its configuration has them and with ``PaperKeys``."""

    def __init__(self, exchange: PaperExchange, keys: PaperKeys) -> None:
        self._exchange = exchange
        self._keys = keys
        #: Those that exist there: one that is not configured any more keeps its account and its key.
        self._tiers: dict[str, Tier] = {}

    async def prepare(self, _config: Config, _touched: Collection[str]) -> Mapping[str, Credentials]:
        """Nothing can be wrong with keys that are made up, and none goes from one account to another."""
        return {}

    async def fetch(self, config: Config, account_id: str) -> Credentials:
        """One more key of the account, made up as the first. Raises PaperFault."""
        account = next(one for one in config.accounts if one.id == account_id)
        credentials = paper_credentials(account)
        await self._exchange.add_key(account_id, credentials)
        return credentials

    def keep(self, account: AccountConfig, credentials: Credentials) -> None:
        """From now on the account has this key."""
        self._keys.keep(account, credentials)

    def use_config(self, config: Config, loaded: Mapping[str, Credentials]) -> None:
        """Their keys are made up."""

    async def open_accounts(self, config: Config) -> None:
        """Opens the accounts that are new, and gives the others their tier. Raises PaperFault."""
        for account in config.accounts:
            if account.id not in self._tiers:
                await self._exchange.open_account(
                    account.id, balance_of(account), self._keys(account), account.tier
                )
            elif account.tier != self._tiers[account.id]:
                await self._exchange.set_tier(account.id, account.tier)
            self._tiers[account.id] = account.tier


#: (user id, pair, side): pairs as Kraken's REST API writes them, e.g. XBTUSD; sides as buy and sell.
Traded = tuple[str, str, str]


def altname(symbol: str) -> str:
    """A pair's REST name. Only for pairs that the paper exchange has: two of their assets are called
    otherwise there.
    """
    base, _, quote = symbol.partition("/")
    return {"BTC": "XBT", "DOGE": "XDG"}.get(base, base) + {"BTC": "XBT"}.get(quote, quote)


def compare(
    fills: list[dict[str, Any]], copied: Mapping[Traded, Decimal], users: Collection[str]
) -> list[str]:
    """Where the exchange's own record of the users' fills and the journal's copies differ, in base; empty
    when they agree.
    """
    seen: dict[Traded, Decimal] = defaultdict(Decimal)
    for fill in fills:
        if fill["account"] in users:
            seen[fill["account"], fill["pair"], fill["side"]] += Decimal(str(fill["volume"]))
    return [
        f"{user} {side} {pair}: the exchange filled {seen.get(key, 0)}, the copies say {copied.get(key, 0)}"
        for key in sorted({*seen, *copied})
        if seen.get(key, 0) != copied.get(key, 0)
        for user, pair, side in (key,)
    ]
