"""One account's REST: queue, transport, order connection, rate limits, messages."""
