"""One account's orders and holdings at one broker: gateway, tracker, portfolio, the Broker protocol."""
