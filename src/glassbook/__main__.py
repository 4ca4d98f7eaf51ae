"""`python -m glassbook`: the command line, as the jobs of the notebook's queue start it."""

import os
import signal
import sys

from glassbook.cli import main
from glassbook.jobs.queue import GATE, JOB

if __name__ == "__main__":
    if os.environ.pop(GATE, "") and not sys.stdin.readline():
        sys.exit("the server ended before this job had begun")
    if JOB in os.environ:
        # A server that a script put into the background ignores Ctrl-C and hands that on; a job is cancelled by it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
