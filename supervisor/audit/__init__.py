"""The audit: every call that changes something, in a log in which a change or a cut is found."""
