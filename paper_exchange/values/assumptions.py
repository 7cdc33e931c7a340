"""How the exchange behaves where Kraken's documents are silent or sources disagree. The likelier is the
default.

`GET /paper/v1/rules` (or `house`) shows them, `POST` changes some of them while the exchange runs.
"""

from dataclasses import dataclass
from enum import StrEnum


class FeeFlag(StrEnum):
    """Kraken: the order flags that say in which currency a fee is preferred."""

    QUOTE = "fciq"
    BASE = "fcib"


class MinimumWords(StrEnum):
    """How a too small order is refused."""

    ARGUMENTS = "arguments"
    ORDER = "order"


@dataclass(slots=True)
class HouseRules:
    """One field for each open point; the code that decides by one reads it at that instant.

    * history_cost (2: official CLI, docs of October 2026): 4: docs of June 2026; what a history call costs
      the REST counter
    * open_orders_cost (1): 2: what the official SDK charges for OpenOrders
    * refusals_count (false: a call that is refused for the REST counter costs nothing): true, as documented:
      going on extends the block, here to twice the limit. (A client that does not pace itself never comes
      back from that.)
    * lockout_after (10 refused keys, signatures, nonces in a row): any number; 0: never
    * requests_at_once (0: no limit): so many calls of one key under way; beyond: EService:Throttled
    * key_info_snake_case (false: GetApiKeyInfo as documented): true: as another client's fixture has it
    * post_only_cancels (false: EOrder:Post only order at once): true: accepted, then cancelled by the engine
    * holds (true: resting orders hold their money): false: they don't, and die where it is gone
    * window_takes_repeats (false): true: a nonce window lets the same nonce in again
    * earn_form_tradable (true: an order uses the `.F` balance of what it pays with as well (Kraken's page on
      balances)): false: it does not, and is refused for funds
    * sell_fee_default (fciq, as recorded of API sells of 2024 and 2025): fcib, as documented: in which
      currency a sell without the flag pays its fee
    * minimum_words (arguments: `EGeneral:Invalid arguments:volume minimum not met`, as logged in 2025 and
      2026): order: `EOrder:Order minimum not met`, as documented
    * balances_told (true: changes that are no trades are sent on the balances channel at once, as
      documented): false: they are not sent
    * empty_result (true: Balance and BalanceEx of an account that never had anything are an empty result):
      false: an answer without a result, as rotki's client expects it
    * query_by_client_id (false: QueryOrders needs a txid): true: a cl_ord_id alone will do
    """

    history_cost: int = 2
    open_orders_cost: int = 1
    refusals_count: bool = False
    lockout_after: int = 10
    requests_at_once: int = 0
    key_info_snake_case: bool = False
    post_only_cancels: bool = False
    holds: bool = True
    window_takes_repeats: bool = False
    query_by_client_id: bool = False
    earn_form_tradable: bool = True
    balances_told: bool = True
    empty_result: bool = True
    sell_fee_default: FeeFlag = FeeFlag.QUOTE
    minimum_words: MinimumWords = MinimumWords.ARGUMENTS
