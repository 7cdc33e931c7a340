"""docs/settings.md says of each key of the copy rules how it goes along the chain."""

from __future__ import annotations

import re

import pytest

from krakencopy.account_proc.contract.copy_chain import CHAIN, Chain
from krakencopy.supervisor.config.reader import parse
from tests.support.system import ROOT

PAGE = (ROOT / "docs" / "settings.md").read_text()


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
