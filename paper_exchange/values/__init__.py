"""Pairs, decimals, times, identifiers, errors: the ground that everything else stands on."""
