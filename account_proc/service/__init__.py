"""Puts one account's process together and serves AccountService."""
