"""Discounts: rules, to whom they are given, and what a purchase gets from them.

Owns the engine that turns rules and a purchase into discount lines, and the books of who used
what. Never reads storage and never knows the time. Start in `engine.py`; `compiled.py` is a rule
made ready, `standing.py` the book of one instance of a rule, `applying.py` the way into a draft.
"""
