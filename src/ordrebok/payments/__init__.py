"""What is recorded of an order's money, and what follows from it.

Owns payment_details and payment_status. Never moves money. Start in `rules.py`.
"""
