"""What the tests of the web share."""

import sys
from pathlib import Path

# Helpers are a plain module beside the tests.
sys.path.append(str(Path(__file__).parent))
