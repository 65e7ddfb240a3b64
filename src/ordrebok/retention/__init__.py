"""What leaves the order book: orders and drafts whose time is over, and what is known of a person.

Owns what is left of a document, which events lose what, and who finds the documents. Never
decides how long an order lives; that is its `time_to_live`. Start in `rules.py`.
"""
