"""The web is a table: every operation is a row, and this room serves, checks and documents rows.

This room owns HTTP: routes, tokens on requests, headers, the form of answers and refusals, the
OpenAPI document. It never contains a rule: a row's `plan` says what to do, and the store does it.
Start reading in responder.py (the life of one request), then table.py (rows to routes).
"""
