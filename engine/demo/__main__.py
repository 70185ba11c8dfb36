"""`python -m engine.demo` is `hie demo`."""

import os
import sys

from engine.demo import run_demo

sys.exit(run_demo(os.environ))
