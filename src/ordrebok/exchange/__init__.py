"""Orders that come from elsewhere and go there: the lines of exports and imports.

Owns how a line is read, completed, checked and compared with what is there already. Never
touches a database or a file. Start in `completion.py`.
"""
