/* A symbol of the same name as one inside the archive must not collide. */
int bartizan_probe(void);
int HiddenProbe(void) { return 77; }

int main(void) { return bartizan_probe() == 1 && HiddenProbe() == 77 ? 0 : 1; }
