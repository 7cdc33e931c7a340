"""How long things may take, in seconds."""

#: A call on the same machine takes milliseconds; an order waits for the exchange, 1-2 s on a bad day.
CALL_TIMEOUT_S = 5.0
#: A reload may run the operator's own commands for credentials, which may ask a person: 30 s each.
RELOAD_TIMEOUT_S = 60.0
#: Of the audit log each line is hashed anew, gently: some ten thousand a second.
VERIFY_TIMEOUT_S = 60.0
#: The account's process asks the exchange twice, behind what waits there already; the supervisor gives it 15
#: s.
NONCE_TIMEOUT_S = 20.0
#: Orders are listed and cancelled at the exchange, which may have to be asked again; the supervisor gives it
#: 20 s.
ORDERS_TIMEOUT_S = 25.0
#: After a lost connection. A supervisor restarts in seconds; after half a minute someone should know that it
#: did not.
PATIENCE_S = 30.0
#: For `wait` and `shutdown --wait`: the accounts' own limit for a start is 60 s by default, and the master
#: goes first.
WAIT_S = 90.0
