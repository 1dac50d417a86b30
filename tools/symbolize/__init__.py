"""Names of functions and lines for addresses in programs and libraries, and `bartizan symbolize`."""
