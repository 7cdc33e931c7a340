"""One code of an event, as the catalogue has it."""

from __future__ import annotations

from dataclasses import dataclass

from krakencopy.v1 import types_pb2 as pb

INFO, WARNING, ERROR = pb.SEVERITY_INFO, pb.SEVERITY_WARNING, pb.SEVERITY_ERROR


@dataclass(frozen=True, slots=True)
class Entry:
    """One code."""

    code: str
    severity: pb.Severity.ValueType
    meaning: str
    #: What an operator does about it; empty for nothing.
    remedy: str = ""
    #: Its end is an event too, of severity INFO: ``<code>_OVER``.
    ends: bool = False
