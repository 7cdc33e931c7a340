"""Frames arrive as they were sent, in whatever pieces; what is none ends the channel."""

from __future__ import annotations

import asyncio
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.supervisor.control.call_frames import (
    FRAME_BYTES_MAX,
    METHODS,
    Frame,
    Kind,
    call_body,
    read_call,
    read_frame,
    read_taken,
    taken_body,
)
from krakencopy.supervisor.control.principals import Principal, Role

FRAMES = st.lists(st.builds(Frame, st.sampled_from(Kind), st.integers(0, 2**32 - 1), st.binary(max_size=300)))


def frames_of(encoded: bytes, *, ends: bool = True) -> list[Frame]:
    async def read() -> list[Frame]:
        reader = asyncio.StreamReader()
        reader.feed_data(encoded)
        if ends:
            reader.feed_eof()
        found = []
        while frame := await read_frame(reader):
            found.append(frame)
        return found

    return asyncio.run(read())


@given(FRAMES)
def test_frames_arrive_as_they_were_sent(frames: list[Frame]) -> None:
    assert frames_of(b"".join(frame.encoded() for frame in frames)) == frames


@given(FRAMES.filter(bool), st.integers(1, 8))
def test_a_frame_that_is_cut_off_is_the_end(frames: list[Frame], cut: int) -> None:
    assert frames_of(b"".join(frame.encoded() for frame in frames)[:-cut]) == frames[:-1]


@given(
    st.integers(0, 2**32 - 1),
    st.builds(
        Principal, st.text(max_size=50), st.sampled_from(Role), st.text(max_size=9), st.text(max_size=9)
    ),
    st.binary(max_size=100),
)
def test_a_call_has_its_method_who_asks_and_its_request(
    method: int, principal: Principal, request: bytes
) -> None:
    assert read_call(call_body(method, principal, request)) == (method, principal, request)
    assert read_taken(taken_body(method)) == method


@pytest.mark.parametrize("body", [b"", b"\0\0\0\1\0", b"\0\0\0\1\0\2{}", b"\0\0\0\1\0\1x", b"\0" * 6])
def test_what_is_no_call_ends_the_channel(body: bytes) -> None:
    with pytest.raises(ConnectionError, match="no call"):
        read_call(body)


def test_what_is_no_frame_ends_the_channel() -> None:
    with pytest.raises(ConnectionError, match="99 is not a valid Kind"):
        frames_of(struct.pack(">IBI", 0, 99, 1))
    with pytest.raises(ConnectionError, match="a frame of"):
        frames_of(struct.pack(">IBI", FRAME_BYTES_MAX + 1, Kind.ANSWER, 1), ends=False)


def test_each_method_of_the_service_has_a_number() -> None:
    assert len({method.name for method in METHODS}) == len(METHODS) > 20
