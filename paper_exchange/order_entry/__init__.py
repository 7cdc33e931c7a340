"""From arguments to an order's checked terms."""
