"""Matching: plans, fills, bookings, resting orders."""
