"""Commands about who may call: whoami, token, certificate. They are given what those of
client/cli/commands.py are.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from krakencopy.client.cli.client_key import check_free, new_key, write_new
from krakencopy.client.cli.consent import ask_to_go_on, status_if_any, system_words
from krakencopy.client.cli.output import Output, TableOutput
from krakencopy.client.cli.stderr import complain
from krakencopy.client.sdk.errors import BadInput, ExitCode, Refused
from krakencopy.client.views import access_pages as views
from krakencopy.client.views.formats import local_time
from krakencopy.v1 import access_pb2 as pb

if TYPE_CHECKING:
    from krakencopy.client.sdk.message_client import MessageClient

Connect = Callable[[], "MessageClient"]
#: So many characters of an id WhoAmI shows; a token's are fewer.
CERTIFICATE_ID_SHOWN = 16


def whoami(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`whoami`."""
    with connect() as supervisor:
        out.one(supervisor.who_am_i(timeout_s=arguments.timeout), views.whoami_page)
    return ExitCode.DONE


def token(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`token create|list|revoke`."""
    with connect() as supervisor:
        match arguments.action:
            case "create":
                answer = supervisor.create_token(
                    arguments.name, arguments.role, arguments.ttl, account_id=arguments.account,
                    timeout_s=arguments.timeout,
                )  # fmt: skip
                # Standard output has the token alone, so that it may go to a file.
                out.one(answer, lambda answer: [answer.token])
                if not out.as_data:
                    made = answer.credential
                    until = f"{made.name} may use it until {local_time(made.expires_at)}"
                    complain(f"{until}; it is shown this once: krakencopy token revoke {made.id} ends it")
            case "list":
                _show(supervisor.list_tokens(timeout_s=arguments.timeout), out, "there are no tokens")
            case _:
                _ask_who_is_shut_out(arguments, supervisor, lambda one: one.id in arguments.ids)
                return _revoke(arguments.ids, lambda each: [supervisor.revoke_token(each)], out)
    return ExitCode.DONE


def certificate(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`certificate create|list|revoke`."""
    if arguments.action == "create":
        return _create(arguments, connect, out)
    with connect() as supervisor:
        if arguments.action == "list":
            none = "nobody may call from elsewhere"
            _show(supervisor.list_principals(timeout_s=arguments.timeout), out, none)
        else:
            _ask_who_is_shut_out(arguments, supervisor, lambda one: one.name in arguments.names)
            return _revoke(arguments.names, supervisor.revoke_principal, out)
    return ExitCode.DONE


def _revoke(named: list[str], revoke: Callable[[str], list[pb.Credential]], out: Output) -> ExitCode:
    """One that is refused, as for a slip of the pen, does not keep the others from it."""
    gone, code = [], ExitCode.DONE
    for each in dict.fromkeys(named):
        try:
            gone += revoke(each)
        except Refused as error:
            complain(str(error))
            code = ExitCode.REFUSED
    if gone or code is ExitCode.DONE:
        _show(gone, out, "all of them were revoked before")
    return code


def _ask_who_is_shut_out(
    arguments: Namespace, supervisor: MessageClient, goes: Callable[[pb.Credential], bool]
) -> None:
    """Goes on only after a yes where who asks, or the last admin from elsewhere, could call no more. Raises
    BadInput, Refused.
    """
    if arguments.yes:
        return
    now = time.time()
    alive = [one for one in supervisor.list_principals() if _counts(one, now)]
    going = [one for one in alive if one.kind != pb.CREDENTIAL_KIND_CONFIGURED and goes(one)]
    mine = supervisor.who_am_i().credential
    words = [f"{mine} is what you call with yourself." for one in going if mine and mine == _known_by(one)]
    admins = [one for one in alive if one.role == pb.ACCESS_ROLE_ADMIN]
    if admins and all(one in going for one in admins):
        words.append(
            f"none of {len(admins)} admins may call from elsewhere then: only who is at the machine itself "
            "can let one in again."
        )
    if words:
        said = " ".join(words)
        ask_to_go_on(
            "nothing was revoked",
            lambda: [f"{system_words(arguments, supervisor, status_if_any(supervisor))}: {said}"],
            f"Revoke {len(going)} of {len(alive)}?", needs=f"{said} It needs a yes; give it with --yes",
        )  # fmt: skip


def _counts(one: pb.Credential, now: float) -> bool:
    """Whether somebody may still call with it. ``now``: Unix seconds."""
    has_expired = one.HasField("expires_at") and one.expires_at.ToSeconds() <= now
    return not one.HasField("revoked_at") and not has_expired


def _known_by(one: pb.Credential) -> str:
    """As WhoAmI names it."""
    kind = "token" if one.kind == pb.CREDENTIAL_KIND_TOKEN else "certificate"
    return f"{kind} {one.id[:CERTIFICATE_ID_SHOWN]}"


def _create(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    folder, name = arguments.out, arguments.name
    key, certificate, authority = folder / f"{name}.key", folder / f"{name}.pem", folder / "ca.pem"
    if "/" in name or name.startswith("."):
        raise BadInput(f"{name!r} cannot be the name of files")
    check_free([key, certificate])
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{folder} cannot be made: {error.strerror or error}") from None
    pem, request = new_key()
    with connect() as supervisor:
        answer = supervisor.issue_certificate(
            name, arguments.role, arguments.ttl, request, account_id=arguments.account,
            timeout_s=arguments.timeout,
        )  # fmt: skip
    write_new(key, pem, 0o600)
    write_new(certificate, answer.certificate.encode(), 0o644)
    if not authority.exists() or authority.read_text() != answer.ca:
        authority.write_text(answer.ca)

    def page(answer: pb.IssueCertificateResponse) -> list[str]:
        made = answer.credential
        return [
            f"{made.name} may call until {local_time(made.expires_at)} with",
            f"  --ca {authority} --certificate {certificate} --key {key}",
        ]

    out.one(answer, page)
    return ExitCode.DONE


def _show(found: list[pb.Credential], out: Output, none: str) -> None:
    table = TableOutput(out, views.credential_columns(), views.credential_row, pb.Credential.DESCRIPTOR)
    table.show(found)
    if not found:
        table.none(none)
