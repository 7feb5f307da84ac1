"""Talks to people: from a platform into the inbox, from the outbox to a platform.

intake commits events before they are acknowledged; delivery carries out replies; platforms translates; wiring builds
a process; supervisor runs all processes; doctor looks whether they are well; replay measures; cli is `backchannel`.
Of the workers only core, queue and store are imported.
"""

# pyright: reportUnsupportedDunderAll=false

__all__ = ["cli", "delivery", "doctor", "intake", "platforms", "replay", "settings", "supervisor", "wiring"]
