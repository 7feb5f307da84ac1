"""What modeling says to people: sentences by code, in English and Chinese. Torch-free; everybody may import it.

`catalogue` turns a code and its parameters into a sentence; `inputs`, `files` and `learning` hold the templates.
"""

__all__ = ["catalogue"]  # pyright: ignore[reportUnsupportedDunderAll]
