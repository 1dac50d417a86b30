"""Runs programs under several allocators and tells what each costs; see README.md."""
