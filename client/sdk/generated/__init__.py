"""Values, enums and reasons. Made from the protos and the catalogue of refusals by tests/support/sdk.py, and
never edited.
"""
