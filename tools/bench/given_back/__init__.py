"""`tools/given_back`; see README.md."""
