"""Values, enums and the clients' methods, made by tests/support/sdk.py from the protos and sdk/calls: longer
than what is written by hand may be, and never edited.
"""
