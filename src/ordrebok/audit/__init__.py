"""The audit: an order recomputed from its lines, operations and events, and what does not agree.

Owns the checks and their words. Never repairs anything and never reads a database. Start in
`rules.py`.
"""
