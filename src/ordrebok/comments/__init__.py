"""Comments on orders: written, listed, and taken back.

Owns who sees which comment. Comments stand in the order's document. Start in `operations.py`.
"""
