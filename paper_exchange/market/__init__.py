"""The market model that orders meet."""
