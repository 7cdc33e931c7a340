"""Money as pure values and rules: quantities, pairs, wallet, copies, sizing. No clock, no file, no socket."""
