"""Values, enums and reasons, made by tests/support/sdk.py from the protos and the catalogue of refusals: never
edited.
"""
