"""What an operator sees of one account beside its state."""
