"""`bartizan profile`: what a program has allocated and what is alive, by stack."""
