"""What several kinds of tests and the load programs share."""
