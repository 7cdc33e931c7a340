"""One account: its exchange connection, its nonce, its copying decisions, its orders, its own ledger.

The way of a fill through this package:

    master   feed.py -> executions.py -> master.py -> server.py (StreamFills)
    user     server.py (CopyFills) -> copier.py -> sizing.py -> ledger.py (intent) -> orders.py -> rest.py -> copier.py

Nothing here knows the supervisor, other accounts, or where the configuration came from: all that a process is told stands in
one ``AccountSpec`` (spec.py), and its API key arrives on a pipe.
"""
