"""Payouts: rules, how they split a line between destinations, and the ledger of all shares.

Owns the trees of payout rules and the arithmetic that makes every part sum to its whole. Never
moves money and never reads storage. Start in `splitting.py`: `trees.py` says which rules are
taken, `resolution.py` which rule a line follows, `shares.py` what an operation gives to whom,
`ledger.py` what that comes to for a destination, `proof.py` that it all adds up.
"""
