"""Kraken's REST methods."""
