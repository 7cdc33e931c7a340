"""The strategies that are shipped: examples to read, and what demonstrations and tests run. None is advice
to trade.
"""
