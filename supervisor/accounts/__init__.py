"""The supervised accounts: each one's process and link, the registry of all, shutdown."""
