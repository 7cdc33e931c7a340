"""ControlService over HTTP, for what speaks no gRPC: Connect and gRPC-Web in a process of its own, which is a
client of the supervisor like any other and lends nobody its own rights.

It needs more packages than the rest (`krakencopy[gateway]`), so it is imported when it is asked for.
"""
