"""The real servers that the tests run against, each started on a free port of the loopback."""
