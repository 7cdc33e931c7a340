"""What an operator is told of one account beside its state."""
