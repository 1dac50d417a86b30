"""The benchmark suite of `bartizan bench`; see README.md."""
