"""A local exchange that speaks Kraken's REST and WebSocket v2 protocol, for tests, demos and measurements.

It imports nothing of the project's other folders, so that what is tested against it is never itself.
"""
