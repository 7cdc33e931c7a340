"""The whole exchange without its wires, and the one entry point for orders."""
