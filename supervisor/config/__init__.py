"""The configuration: TOML in, frozen values out, every fault at once; credentials; what a reload differs
in.
"""
