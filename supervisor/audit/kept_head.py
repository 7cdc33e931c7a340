"""Where the audit log ends, as the journal keeps it: so a log that was cut or replaced is found."""

from __future__ import annotations

import logging
from collections.abc import Callable

from krakencopy.supervisor.audit.chain import Head
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import JournalFault, JournalNoRoom

log = logging.getLogger(__name__)


class KeptHead:
    """Of one journal."""

    def __init__(self, journal: Journal, on_failure: Callable[[JournalFault], None]) -> None:
        """``on_failure``: called with what keeps the journal from keeping it."""
        self._journal = journal
        self._on_failure = on_failure
        #: As it was kept last; None where it never was.
        self.head: Head | None = None

    def read(self) -> Head | None:
        """As the journal has it."""
        text = self._journal.audit_head()
        try:
            self.head = None if text is None else Head.of(text)
        except ValueError as error:
            log.warning("what the journal says of the audit log cannot be read: %s", error)
        return self.head

    def put(self, head: Head) -> None:
        """Keeps it, if there is room; one disk write where it is another one than before."""
        if head == self.head:
            return
        try:
            with self._journal.wish():
                self._journal.put_audit_head(head.to_text())
        except JournalNoRoom as error:
            log.warning("where the audit log ends is not kept yet: %s", error)
        except JournalFault as error:
            self._on_failure(error)
        else:
            self.head = head
