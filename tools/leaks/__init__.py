"""`bartizan leaks`: what nothing in a process refers to any more, in words."""
