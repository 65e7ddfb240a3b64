"""The public JSON of the API as msgspec structs, and nothing else.

This room owns the shapes: names, types, limits and what is required in every request and answer.
It never computes, decides, reads a clock or knows a store; a rule over two fields is not here.
Start reading in base.py (the vocabulary), then item.py, order.py and draft.py.
"""
