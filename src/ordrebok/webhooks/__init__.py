"""Webhooks: what is told to whom about which change, how it is signed, and when again.

Everything here is pure: nothing is sent and nothing is stored. Start in `rules.py`: what a
subscription may be. `names.py` says which event a change is, `body.py` what a delivery says of
it, `mask.py` which members of that a receiver wants, `signatures.py` how the receiver knows that it
comes from us, `schedule.py` when it is sent again, `addresses.py` which targets are public.
"""
