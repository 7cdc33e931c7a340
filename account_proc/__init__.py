"""One account: its exchange connection, its nonce, its copying decisions, its orders, its own ledger.

The way of a fill through this package:

    master   kraken/feed/executions_feed.py -> kraken/feed/executions.py -> master/master.py
             -> master/fill_maker.py -> service/account_service.py (StreamFills)
    user     service/account_service.py (CopyFills) -> copying/copier.py -> copying/fill_answers.py
             -> domain/sizing.py -> state/ledger.py (intent) -> copying/copy_execution.py
             -> trading/order_gateway.py -> kraken/rest/order_connection.py -> copying/copier.py

Nothing here knows the supervisor, other accounts, or where the configuration came from: all that a process is
given stands in one ``AccountSpec`` (contract/spec.py), and its API key arrives on a pipe.
"""
