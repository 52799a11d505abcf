"""The recipe of the default model is a folder of scripts, not a package."""

import sys

from support.processes import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "models" / "recipe"))
