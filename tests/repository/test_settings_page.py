"""docs/settings.md says of each key of the copy rules what it does, and how it goes along the chain."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.copy_chain import CHAIN, Chain
from krakencopy.account_proc.contract.reason_catalogue import COPIES
from krakencopy.account_proc.contract.spec import COPY_KEYS, CopyRules
from krakencopy.account_proc.domain.caps import CAP_KEYS
from krakencopy.supervisor.config.reader import parse
from tests.support.system import ROOT

PAGE = (ROOT / "docs" / "settings.md").read_text()
#: Meaning, default, range and reason of each key, by the page's first table.
ROWS = {
    key: [cell.strip() for cell in cells.split(" | ")]
    for key, cells in re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE.partition("\n## ")[0], re.MULTILINE)
}


@pytest.mark.parametrize(
    ("begins", "how"), [("These override:", Chain.OVERRIDES), ("These tighten:", Chain.TIGHTENS)]
)
def test_the_page_lists_the_keys_of_each_kind(begins: str, how: Chain) -> None:
    (listed,) = re.findall(rf"^{begins}(.*?)\.\n\n", PAGE, re.MULTILINE | re.DOTALL)
    assert re.findall(r"`(\w+)`", listed) == [key for key, found in CHAIN.items() if found is how]


def test_the_example_is_a_configuration() -> None:
    (example,) = re.findall(r"```toml\n([^`]*\[\[groups\]\][^`]*)```", PAGE)
    rest = '[exchange]\nmode = "paper"\n[[accounts]]\nid = "master"\nrole = "master"\nbroker = "kraken"\n'
    (user,) = parse(rest + example, "c").users
    assert (str(user.copy.max_user_risk), user.copy.max_slippage_bps) == ("0.05", 20)


def test_each_key_has_a_row_with_its_default_its_range_and_its_reason() -> None:
    """What a notional is an amount of is written with it."""
    assert ROWS.keys() == COPY_KEYS.keys() - {"notional_asset"}
    assert all(len(row) == 4 and all(row) for row in ROWS.values())


@pytest.mark.parametrize("key", ROWS)
def test_the_reasons_of_a_row_are_those_of_copies(key: str) -> None:
    reasons = re.findall(r"`([A-Z_]+)`", ROWS[key][-1])
    known = {meaning.code for meanings in COPIES.values() for meaning in meanings}
    assert set(reasons) <= known
    if key in CAP_KEYS or key == "limits":
        assert reasons or ROWS[key][-1] in {"as above", "the same"}, "what cuts or skips says so in copies"


@pytest.mark.parametrize("key", ["max_user_risk", "max_slippage_bps", "max_entry_age_s", "multiplier"])
def test_the_default_of_a_row_is_that_of_the_rules(key: str) -> None:
    assert Decimal(ROWS[key][1].split(" ")[0]) == Decimal(str(getattr(CopyRules(), key)))
