"""Deliveries on their way out: the one place where this server calls others.

Owns the safe HTTP client: `outgoing.py` is its door, `client.py` what stands behind it. What is
sent, signed and tried again is decided in `webhooks/`.
"""
