"""Prints what pyproject.toml requires, the extras that are named as arguments included: one requirement a line.

So an image has a layer for what we depend on, which is built again only when that changes.
"""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
extras = (project["optional-dependencies"][name] for name in sys.argv[1:])
print(*project["dependencies"], *(one for extra in extras for one in extra), sep="\n")
