"""Prices from another exchange's public feed."""
