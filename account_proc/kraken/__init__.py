"""Kraken as typed calls, its clock, and one key's fitness. It knows no copying."""
