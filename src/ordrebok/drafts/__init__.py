"""Draft orders: built line by line, then completed into orders.

Owns what may change in a draft and how a draft becomes orders. Never stores anything and never
knows the time. Start in `rules.py`; `completion.py` is the way out; `operations.py` lists the
rows of the API.
"""
