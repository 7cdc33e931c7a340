"""What the supervisor and an account's process must agree on: the spec, errors and exit codes, states and
reasons, ids, the nonce file's form.

It imports nothing else of ours.
"""
