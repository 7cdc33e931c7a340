"""The refusals of the exchange, in Kraken's own words. Knows nothing of HTTP or sockets."""

from typing import Final


class KrakenError(Exception):
    """A request is refused; `text` is the string that Kraken puts into its `error` list."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text: Final = text


class ConfigurationError(Exception):
    """The command line or a replay file cannot be used; the text says which and where."""


def invalid_arguments(field: str = "") -> KrakenError:
    """Kraken: `EGeneral:Invalid arguments`, with the name of the bad field where it is known."""
    return KrakenError(f"EGeneral:Invalid arguments:{field}" if field else "EGeneral:Invalid arguments")
