"""Runs the command `urbanlab` as `python -m urbanlab_operate`."""

import sys

from urbanlab_operate.cli import main

sys.exit(main())
