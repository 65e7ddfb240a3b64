"""Orders: what may change in them, how they open, close and end, and how they are found.

Owns the life of an order after its draft. Never records payments and never stores anything.
Start in `rules.py`; `terms.py` says by which words an order is found; `operations.py` lists
the rows of the API.
"""
