"""Rows as CSV by RFC 4180, each on one line, without what would steer a terminal or be a formula. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from krakencopy.client.views.formats import plain

#: What a spreadsheet takes for the beginning of a formula, which may send what stands in other cells away.
_FORMULA = frozenset("=+-@")
#: No formula, though it may begin with a sign.
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)


def csv_line(row: Iterable[str]) -> str:
    """One record, with the line end that the RFC wants."""
    text = io.StringIO()
    csv.writer(text).writerow([_cell(cell) for cell in row])
    return text.getvalue()


def _cell(text: str) -> str:
    shown = plain(text)
    # An apostrophe is how spreadsheets know a text; behind blanks some of them see a formula as well.
    is_formula = shown.lstrip()[:1] in _FORMULA and not _NUMBER.fullmatch(shown)
    return f"'{shown}" if is_formula else shown
