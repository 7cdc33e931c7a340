"""The Broker protocol over ccxt."""
