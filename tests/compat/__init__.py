"""Real programs under the preloaded library; see README.md."""
