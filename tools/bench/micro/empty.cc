// bartizan-bench-empty: a program that does nothing, to measure its start.
int main() { return 0; }
