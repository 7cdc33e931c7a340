"""What trades with users' money at one command goes on only after a yes of somebody who was shown what it
does: at a terminal, or with --yes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from krakencopy.client.sdk.errors import BadInput, Refused


def ask_to_go_on(
    nothing: str, shown: Callable[[], Sequence[str]], question: str, *,
    needs: str = "it needs a yes; give it with --yes, or see the plan with --dry-run",
) -> None:  # fmt: skip
    """``nothing``: how a refusal begins, "nothing was sold"; ``shown``: lines before the question; ``needs``:
    what is said where nobody can be asked. Raises BadInput, Refused.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise BadInput(f"{nothing}: {needs}")
    lines = shown()
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write("\n".join([*lines, f"{question} [y/N] "]))
        sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Refused(f"{nothing}: the answer was not yes")
