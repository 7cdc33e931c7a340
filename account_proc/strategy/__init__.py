"""A strategy's API, its risk limits and its runner."""
