"""The master's fills on disk and on their way to users, and what became of them."""
