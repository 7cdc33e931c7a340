"""The master: its fills out, without holes and without repeats, and what it held before each."""
