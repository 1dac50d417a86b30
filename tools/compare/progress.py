"""Says on standard error how far the measurement is: one line that goes away, or a line now and then."""

import sys
import time

from compare import measures

# Between two lines where there is no terminal.
_PAUSE_SECONDS = 15.0


class Progress:
    """Called with what is done now, and the share that is done."""

    def __init__(self, stream=sys.stderr, clock=time.monotonic):
        self.stream = stream
        self.clock = clock
        self.began = self.said = clock()
        self.in_place = stream.isatty()

    def __call__(self, words, share):
        now = self.clock()
        left = f", {_in_words((now - self.began) / share * (1 - share))} left" if share > 0.05 else ""
        line = f"{words} ({100 * share:.0f} %{left})"
        if self.in_place:
            print(f"\r{line[:100]}\033[K", end="", file=self.stream, flush=True)
        elif now >= self.said + _PAUSE_SECONDS:
            print(f"bartizan: {line}", file=self.stream, flush=True)
            self.said = now

    def end(self):
        if self.in_place:
            print("\r\033[K", end="", file=self.stream, flush=True)


def _in_words(seconds):
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{measures.number_in_words(round(seconds))} s"
