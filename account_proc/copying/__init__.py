"""A user: the master's fills in, its copies out to the exchange, and what reconciles them."""
