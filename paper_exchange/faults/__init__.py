"""Which faults are set, and what they do to events and rows."""
