"""What tests of experiments share."""

import sys
from pathlib import Path

# Helpers are a plain module beside the tests, because processes started by a test import them too.
sys.path.append(str(Path(__file__).parent))
