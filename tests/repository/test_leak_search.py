"""The search for secrets finds each form of them, whole and in part, and nothing that merely looks alike."""

from __future__ import annotations

import base64
from random import Random
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.leaks import PIECE, Secret

#: API secrets of Kraken are 64 bytes in base64.
KEYS = st.binary(min_size=64, max_size=64)


@given(key=KEYS, start=st.integers(0, 64 - 2 * PIECE))
def test_a_part_of_a_secret_is_found_in_all_that_it_could_look_like(key: bytes, start: int) -> None:
    text = base64.b64encode(key).decode()
    part, bare = text[start : start + 2 * PIECE], key[start : start + 2 * PIECE]
    looks = {
        "as it is": part.encode(),
        "url-encoded": quote(part, safe="").encode(),
        "form-encoded": quote_plus(part).encode(),
        "hex": part.encode().hex().encode(),
        "backwards": part.encode()[::-1],
        "base64": base64.b64encode(text.encode()),
        "decoded": bare,
        "decoded, in hex": bare.hex().encode(),
        "decoded, as Python shows it": repr(bare).encode(),
    }
    for form, look in looks.items():
        assert form in Secret("key", text).found_in(b"before " + look + b" behind"), form


@pytest.mark.parametrize("quotation", [b"'", b'"', b"'\""])
def test_what_python_shows_is_found_however_it_quotes(quotation: bytes) -> None:
    key = bytes(range(160, 190)) + b"it's" + bytes(range(160, 190))
    shown = repr(quotation + key[25:45]).encode()
    assert "decoded, as Python shows it" in Secret("key", base64.b64encode(key).decode()).found_in(shown)


@given(seed=st.integers(0, 2**32), start=st.integers(0, 60))
def test_bytes_that_it_shares_with_others_do_not_make_a_secret(seed: int, start: int) -> None:
    """What a server answers in bytes is shown by Python too, and has three bytes in common with a key
    every thousandth time.
    """
    random = Random(seed)  # noqa: S311 - of a test
    key = random.randbytes(64)
    shared = key[start : start + 4]
    others = random.randbytes(64) + shared + random.randbytes(64)
    content = f"('grpc-status-details-bin', {others!r}) {shared.hex()}".encode()
    found = Secret("key", base64.b64encode(key).decode()).found_in(content)
    assert not {"decoded, in hex", "decoded, as Python shows it"} & found
