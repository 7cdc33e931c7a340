"""Calls about accounts: shown, started, stopped, paused; and about the name of a coin."""

from __future__ import annotations

import uuid

from krakencopy.client.sdk.call import Ask, Listing, whole
from krakencopy.client.sdk.pages import PAGE_SIZE_MAX
from krakencopy.client.sdk.timeouts import NONCE_TIMEOUT_S
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns


def list_accounts(*, timeout_s: float | None = None) -> Listing[pb.ListAccountsResponse, nouns.Account]:
    """All accounts, the master first, then by id."""
    return Listing(
        lambda token: pb.ListAccountsRequest(page_size=PAGE_SIZE_MAX, page_token=token),
        pb.ListAccountsResponse,
        lambda answer: (answer.accounts, answer.next_page_token),
        timeout_s=timeout_s,
    )


def get_account(
    account_id: str, *, timeout_s: float | None = None
) -> Ask[pb.GetAccountResponse, nouns.Account]:
    """One account. Raises NotFound."""
    request = pb.GetAccountRequest(account_id=account_id)
    return Ask(request, pb.GetAccountResponse, lambda answer: answer.account, timeout_s)


def get_nonce(
    account_id: str, *, timeout_s: float | None = None
) -> Ask[pb.GetNonceResponse, nouns.NonceReport]:
    """What is known of the nonce of an account's API key. Raises NotFound.

    The exchange is asked as well: ``timeout_s`` is 20 s unless given.
    """
    request = pb.GetNonceRequest(account_id=account_id)
    limit_s = NONCE_TIMEOUT_S if timeout_s is None else timeout_s
    return Ask(request, pb.GetNonceResponse, lambda answer: answer.report, limit_s)


def start_account(
    account_id: str, *, request_id: str = "", timeout_s: float | None = None
) -> Ask[pb.StartAccountResponse, nouns.Account]:
    """Want the account's process to run; the way out of FAILED. Gives the account as it stands right
    after.
    """
    request = pb.StartAccountRequest(request_id=request_id or str(uuid.uuid4()), account_id=account_id)
    return Ask(request, pb.StartAccountResponse, lambda answer: answer.account, timeout_s)


def stop_account(
    account_id: str, *, request_id: str = "", timeout_s: float | None = None
) -> Ask[pb.StopAccountResponse, nouns.Account]:
    """Want no process; it finishes what is in flight. Gives the account as it stands right after."""
    request = pb.StopAccountRequest(request_id=request_id or str(uuid.uuid4()), account_id=account_id)
    return Ask(request, pb.StopAccountResponse, lambda answer: answer.account, timeout_s)


def restart_account(
    account_id: str, *, request_id: str = "", timeout_s: float | None = None
) -> Ask[pb.RestartAccountResponse, nouns.Account]:
    """Stop the process and start it again. Gives the account as it stands right after."""
    request = pb.RestartAccountRequest(request_id=request_id or str(uuid.uuid4()), account_id=account_id)
    return Ask(request, pb.RestartAccountResponse, lambda answer: answer.account, timeout_s)


def pause_account(
    account_id: str, *, request_id: str = "", timeout_s: float | None = None
) -> Ask[pb.PauseAccountResponse, nouns.Account]:
    """Hand a user no more fills; they wait in the journal. Gives the account as it stands right after."""
    request = pb.PauseAccountRequest(request_id=request_id or str(uuid.uuid4()), account_id=account_id)
    return Ask(request, pb.PauseAccountResponse, lambda answer: answer.account, timeout_s)


def resume_account(
    account_id: str, *, request_id: str = "", timeout_s: float | None = None
) -> Ask[pb.ResumeAccountResponse, nouns.Account]:
    """Hand a user fills again: exits of the pause are done, entries that are too old skipped."""
    request = pb.ResumeAccountRequest(request_id=request_id or str(uuid.uuid4()), account_id=account_id)
    return Ask(request, pb.ResumeAccountResponse, lambda answer: answer.account, timeout_s)


def rename_asset(
    old_name: str, new_name: str, *, request_id: str = "", timeout_s: float | None = None
) -> Ask[pb.RenameAssetResponse, pb.RenameAssetResponse]:
    """Have positions follow a coin that has another name from now on (MATIC is POL). Repeating it does
    nothing.

    Gives the master's counted position in it. Raises BadInput (no names) or Refused (renamed to something
    else before).
    """
    request = pb.RenameAssetRequest(
        request_id=request_id or str(uuid.uuid4()), old_name=old_name, new_name=new_name
    )
    return Ask(request, pb.RenameAssetResponse, whole, timeout_s, once_for_ever=True)
