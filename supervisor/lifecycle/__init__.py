"""Pure decisions about an account's process: state machine, start order, circuit breaker, liveness,
reminders.
"""
