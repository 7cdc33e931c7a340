"""Both ends of copying: the master's fills out, a user's copies in, and what reconciles them."""
