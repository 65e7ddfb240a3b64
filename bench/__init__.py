"""Load programs: how fast the order book is, how soon it starts, how much memory it takes.

`python -m bench` runs them all; `bench/README.md` says how to read what they print.
"""
