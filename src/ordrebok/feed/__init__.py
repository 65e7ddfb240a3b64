"""The change feed: every change of every draft and order of an account, in commit order.

`rules.py` is pure; `operations.py` lists the feed's row of the API.
"""
