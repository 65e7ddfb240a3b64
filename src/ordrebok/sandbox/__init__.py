"""The sandbox of test accounts: a clock that can be moved, fixed ids, faults on demand, a reset.

Served only where the operator asks for it. Accounts beginning with `P` never have one.
"""
