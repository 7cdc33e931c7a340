"""A portal brings a customer in and out over the API: watched as a shadow first, then copied, killed between,
and sold when they leave.
"""

from __future__ import annotations

import pytest

from krakencopy.client.sdk.errors import BadConfiguration, Refused
from krakencopy.v1 import types_pb2 as nouns
from tests.support.configured import write_key
from tests.support.system import Key, Paper, System, wait_for


def put_key(system: System, name: str, key: Key) -> None:
    """As an operator's own program puts a customer's key on the server."""
    write_key(system.state_dir / "credentials" / name, key=key.key, secret=key.secret)


def is_running(system: System, account: str) -> bool:
    found = system.accounts().get(account)
    return found is not None and found.state == nouns.ACCOUNT_STATE_RUNNING


def test_a_portals_story_from_a_shadow_to_the_last_coin() -> None:
    with Paper() as paper, System(paper, {"ben": "1000"}) as system:
        paper.price("BTC/USD", "50000")
        anna = paper.open_account("anna", {"ZUSD": "1000"})
        system.start().wait_ready()
        put_key(system, "anna.key", anna)
        with system.api() as api:
            fields = {"credentials_file": "anna.key", "tier": "unlimited"}
            copy = {"max_user_risk": "0.5"}
            api.create_group("customers", copy)
            shadow = fields | {"mode": "shadow", "group": "customers"}
            assert not api.create_account("anna-watch", shadow, validate_only=True).applied
            api.create_account("anna-watch", shadow)
            wait_for("a shadow", lambda: is_running(system, "anna-watch"))
            system.buy("BTC/USD", "0.002")
            system.settled(1)
            assert [one.shadow for one in system.copies("anna-watch")] == [True]
            assert paper.held("anna") == 0
            with pytest.raises(Exception, match="cannot be changed"):
                api.update_account("anna-watch", {"mode": "trade"})
            # A trading account has a ledger, and so an id, of its own; the key goes from one to the other.
            api.delete_account("anna-watch", on_leave="keep")
            api.create_account("anna", fields | {"group": "customers"})
            wait_for("an account that trades", lambda: is_running(system, "anna"))
            answer = api.update_account("anna", {"copy": {"max_slippage_bps": "80"}})
        # The answer is all that is waited for.
        system.kill()
        system.start().wait_ready()
        with system.api() as api:
            kept = api.get_account_config("anna")
            assert (dict(kept.copy), kept.etag) == ({"max_slippage_bps": "80"}, answer.account.etag)
            assert kept.owner == nouns.CONFIG_OWNER_API
            system.buy("BTC/USD", "0.002")
            system.settled(2)
            assert paper.held("anna") > 0
            # The file and the API never have one id, and a reload leaves the API's alone.
            config = system.write_config()
            text = config.read_text()
            config.write_text(f'{text}\n[[accounts]]\nid = "anna"\nrole = "user"\nbroker = "kraken"\n')
            with pytest.raises(BadConfiguration, match="configured over the API"):
                api.reload()
            config.write_text(text)
            before = system.pids()
            api.reload()
            with pytest.raises(Refused, match="is configured in the file"):
                api.delete_account("ben")
            api.delete_account("anna", on_leave="close_all")
            assert system.pids() == before
        wait_for("all to be sold", lambda: paper.held("anna") == 0)
        wait_for("nobody of that name", lambda: "anna" not in system.accounts())
        assert paper.held("ben") > 0
        assert "customers" in system.command("group", "list")
        history = system.command("account", "history", "anna").splitlines()
        assert [line.split()[4] for line in history[1:]] == ["created", "updated", "deleted"]
