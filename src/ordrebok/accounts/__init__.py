"""Accounts, the API clients that act for them, their grants, and the tokens they carry.

This room owns who may call: account ids, scopes, secrets, signing keys and tokens. It never
looks at an order, and it never reads or writes storage itself: what it needs of storage is named
in book.py. Start reading in rules.py, then tokens.py; operations.py lists the API's rows.
"""
