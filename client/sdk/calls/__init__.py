"""What there is to ask of the supervisor: a function for each RPC, named after it, that gives the call as a
value. The clients' methods are made from these (tests/support/sdk.py), with their signatures and docstrings.
"""
