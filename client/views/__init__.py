"""Messages as lines for people. Pure."""
