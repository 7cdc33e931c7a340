"""Python has numbered every type before anything is forked."""

from __future__ import annotations

from typing import NoReturn

from krakencopy.supervisor.processes.type_versions import number_types

#: In ``type.__flags__``: Py_TPFLAGS_VALID_VERSION_TAG, Include/object.h of CPython 3.11.
NUMBERED = 1 << 19


class Meta(type):
    def __getattr__(cls, name: str) -> NoReturn:
        raise AssertionError(f"{name} was made up")


def is_numbered(kind: type) -> bool:
    return bool(kind.__flags__ & NUMBERED)


def test_every_type_is_numbered() -> None:
    # Here, where nobody has looked at them yet.
    class Base(metaclass=Meta):
        pass

    class Left(Base):
        pass

    class Right(Base):
        pass

    class Both(Left, Right):
        pass

    made: list[type] = [Base, Left, Right, Both]
    assert not any(map(is_numbered, made))
    number_types()
    assert all(map(is_numbered, [object, int, Meta, *made]))
