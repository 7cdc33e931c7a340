"""Whose money and orders: accounts, keys, holds, limits. Records and arithmetic."""
