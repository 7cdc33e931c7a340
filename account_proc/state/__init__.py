"""What one account must not forget: ledger, nonce custody, key lock. It decides nothing."""
