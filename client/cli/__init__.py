"""The ``krakencopy`` command."""
