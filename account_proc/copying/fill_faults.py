"""Why fills of the journal are not taken. Each ends the conversation that they came in."""

from __future__ import annotations

from krakencopy.account_proc.contract.errors import AccountError


class FillGap(AccountError):
    """A fill came that does not follow the last one: the conversation must begin again."""

    reason = "FILL_GAP"


class FillDiffers(AccountError):
    """A fill came with a number that another one had: one of both is not the journal's."""

    reason = "FILL_DIFFERS"


class FillInvalid(AccountError):
    """A fill that cannot be: it is not the journal's."""

    reason = "FILL_INVALID"
