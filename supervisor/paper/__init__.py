"""A paper exchange beside the supervisor, and the demo."""
