"""What there is to ask of the supervisor: a function for each RPC, named after it, that gives the call as a
value. A method of the clients has its signature and its docstring (sdk/method.py).
"""
