"""One account's executions feed: subscription, session, pacing."""
