"""Processes, start order, journal, fan-out, control API."""
