"""The process itself: boot, event loop, locks, files, clocks, gRPC server. It knows no exchange and no
trade.
"""
