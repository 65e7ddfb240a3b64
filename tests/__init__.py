"""The tests of ordrebok, and what they share."""
