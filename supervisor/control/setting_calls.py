"""What operators ask about settings that hold in the place of the file's, over ControlService."""

from __future__ import annotations

from collections.abc import Iterator

import grpc

from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.supervisor.accounts.kept_tables import KeptTables
from krakencopy.supervisor.config.api_fields import GROUP
from krakencopy.supervisor.config.model import Config
from krakencopy.supervisor.config.set_document import SYSTEM
from krakencopy.supervisor.control.answered_once import AnsweredOnce, digest_of
from krakencopy.supervisor.control.change_refused import ChangeRefused, refuse_change
from krakencopy.supervisor.control.refusals import Context, check_request_id, refuse_field
from krakencopy.supervisor.control.reloader import Reloader
from krakencopy.supervisor.control.remembered_answers import RememberedAnswers
from krakencopy.supervisor.control.setter import Setter
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import control_pb2_grpc, types_pb2

_CODES = {
    "TARGET_NOT_FOUND": grpc.StatusCode.NOT_FOUND,
    "LEAVES_ALREADY": grpc.StatusCode.FAILED_PRECONDITION,
    "NOT_A_USER": grpc.StatusCode.FAILED_PRECONDITION,
    "SHUTTING_DOWN": grpc.StatusCode.FAILED_PRECONDITION,
}


class SettingCalls(control_pb2_grpc.ControlServiceServicer):
    """A part of ControlServicer."""

    def __init__(self, supervisor: Supervisor, reloader: Reloader, answers: RememberedAnswers) -> None:
        self._setter = Setter(supervisor, reloader)
        self._set_once = AnsweredOnce(answers)

    async def SetSettings(self, request: pb.SetSettingsRequest, context: Context) -> pb.SetSettingsResponse:
        """Changes settings of an account, of a group or of all, once for each request id."""
        await check_request_id(request.request_id, context)
        if not (request.id or request.all):
            await refuse_field(context, "id", "is empty; name an account or a group, or say all")
        target, settings = request.id or SYSTEM, dict(request.settings)

        async def set_them() -> pb.SetSettingsResponse:
            async with self._setter.turn:
                return await self._setter.set_settings(
                    target, settings, request.set_by, validate_only=request.validate_only
                )

        key = "SetSettings", digest_of(request)
        try:
            return await self._set_once.answer(key, pb.SetSettingsResponse, set_them)
        except ChangeRefused as refused:
            await refuse_change(refused, context, _CODES, grpc.StatusCode.INVALID_ARGUMENT)


def groups_of(config: Config, tables: KeptTables) -> Iterator[pb.Group]:
    """The groups of a configuration with those who belong to them, and who has configured them."""
    for group in config.groups:
        is_apis = tables.row(GROUP, group) is not None
        owner = types_pb2.CONFIG_OWNER_API if is_apis else types_pb2.CONFIG_OWNER_FILE
        yield pb.Group(id=group, account_ids=config.members(group), owner=owner)


def kept_settings(journal: Journal, config: Config) -> Iterator[pb.KeptSetting]:
    """All that was set while running and not taken back."""
    for row in journal.settings():
        yield pb.KeptSetting(
            target=row.target, key=row.key, value=row.value, set_by=row.set_by, set_at=timestamp(row.set_at),
            without_effect=config.written.without_effect.get((row.target, row.key), ""),
        )  # fmt: skip
