"""The exchange's own control API."""
