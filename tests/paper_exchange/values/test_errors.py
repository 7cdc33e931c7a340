"""Refusals are in Kraken's words."""

from __future__ import annotations

from krakencopy.paper_exchange.values.errors import KrakenError, invalid_arguments


def test_a_refusal_carries_the_text_of_the_error_list() -> None:
    assert KrakenError("EOrder:Unknown order").text == str(KrakenError("EOrder:Unknown order"))


def test_bad_arguments_name_the_field_where_it_is_known() -> None:
    assert invalid_arguments("volume").text == "EGeneral:Invalid arguments:volume"
    assert invalid_arguments().text == "EGeneral:Invalid arguments"
