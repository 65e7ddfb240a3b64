"""`python -m ordrebok.cli`: the command line where its script is not on the path."""

from ordrebok.cli import main

main()
