"""Makes strategies with their options and says what is wrong: ``python -m
krakencopy.account_proc.strategy.check``, given on standard input.

A process of its own, because a strategy may be anybody's code and import anything, and the supervisor is to
stay free of both. Reads a JSON array of [name, options]; writes one of the same length: what to correct, or
null.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from krakencopy.account_proc.contract.errors import ConfigurationFault
from krakencopy.account_proc.strategy.api import make_strategy


def main() -> None:
    """Check all of them."""
    asked = json.load(sys.stdin)
    answer = [_problem(name, options) for name, options in asked]
    json.dump(answer, sys.stdout)


def _problem(name: str, options: Mapping[str, Any]) -> str | None:
    # What a strategy prints must not mix with the answer.
    standard_output, sys.stdout = sys.stdout, sys.stderr
    try:
        make_strategy(name, options)
    except ConfigurationFault as fault:
        return str(fault)
    finally:
        sys.stdout = standard_output
    return None


if __name__ == "__main__":
    main()
