"""Texts that look like an API key or a secret: they are kept out of all that is recorded. Pure.

By their form alone, as nobody can know one: Kraken's keys are 56 letters of base64 and its secrets 88, others
are PEM or long hexadecimal numbers. Words, ids, pairs and paths are not: they are shorter between their
separators, or use few different letters.
"""

from __future__ import annotations

import math
import re
from collections import Counter

#: A run of letters without a space or a quote, as long as the shortest secret that is known.
_RUN = re.compile(r"[A-Za-z0-9+/=_-]{32,}", re.ASCII)
_HEXADECIMAL = re.compile(r"(?:0x)?[0-9a-fA-F]{32,}", re.ASCII)
_PEM = "-----BEGIN "
#: Bits of a letter. Random base64 of 40 letters has 4.7 and more, English 4.2 and less.
BITS_MIN = 4.5


def looks_secret(text: str) -> bool:
    """Whether some part of it could be a key or a secret."""
    return _PEM in text or any(_is_random(run) for run in _RUN.findall(text))


def _is_random(run: str) -> bool:
    if _HEXADECIMAL.fullmatch(run):
        return len(set(run)) > 8
    # Not a digit: one key of ten thousand has none.
    if not all(any(map(kind, run)) for kind in (str.islower, str.isupper)):
        return False
    counts = Counter(run)
    return -sum(n / len(run) * math.log2(n / len(run)) for n in counts.values()) >= BITS_MIN
