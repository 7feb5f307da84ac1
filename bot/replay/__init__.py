"""`backchannel replay`: play a labelled file through the real pipeline, and measure what comes of it.

runner goes from a file and a plan to a report; rows has the file read by modeling; instance is the Backchannel that is
measured; server is what the replay platform connects to; script has the authors, annotators and the admin; observer
reads from the store what was predicted; report says how good, how fast and how complete it was; patience ends it when
nothing happens any more.
"""

# pyright: reportUnsupportedDunderAll=false

__all__ = ["instance", "observer", "patience", "report", "rows", "runner", "script", "server"]
