"""The events of drafts and orders: one for every accepted change, and those services report.

Owns how an event looks, which of them an answer shows, and the combined state. Never decides
whether a change is allowed. Start in `rules.py`.
"""
