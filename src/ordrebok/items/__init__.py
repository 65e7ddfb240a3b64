"""Line items: their net amount and tax, their relations, and the totals of a list of them.

Owns the arithmetic that drafts and orders share. Never knows whether it stands in a draft or
an order, and never reads storage. Start in `rules.py`.
"""
