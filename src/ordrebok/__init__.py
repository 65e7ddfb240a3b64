"""Ordrebok: an order book that records what happened to orders and their money.

Three sentences describe the house: rules are pure, storage is one door, the web is a table.
Start reading in `decision.py` (the words rules and store share), then `drafts/rules.py`.
"""

__version__ = "0.1.0"
