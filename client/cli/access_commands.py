"""Commands about who may call: whoami, token, certificate. They are given what those of
client/cli/commands.py are.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from krakencopy.client.cli.client_key import check_free, new_key, write_new
from krakencopy.client.cli.output import Output, TableOutput
from krakencopy.client.cli.stderr import complain
from krakencopy.client.sdk.errors import BadInput, ExitCode
from krakencopy.client.views import access_pages as views
from krakencopy.client.views.formats import local_time
from krakencopy.v1 import access_pb2 as pb

if TYPE_CHECKING:
    from krakencopy.client.sdk.message_client import MessageClient

Connect = Callable[[], "MessageClient"]


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
                _show([supervisor.revoke_token(each) for each in arguments.ids], out, "")
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
            gone = [one for name in arguments.names for one in supervisor.revoke_principal(name)]
            _show(gone, out, "all of them were revoked before")
    return ExitCode.DONE


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
