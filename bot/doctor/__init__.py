"""`backchannel doctor` and `backchannel health`: is everything as it should be, and what to do where it is not.

doctor asks for all findings and prints them; checks looks at disk, database, broker and model; health says which
processes live; findings has the type of a finding, which each platform's own doctor returns, too.
"""

# pyright: reportUnsupportedDunderAll=false

__all__ = ["checks", "doctor", "findings", "health"]
