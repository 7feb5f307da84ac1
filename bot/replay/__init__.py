"""`backchannel replay`: play a labelled file through the real pipeline, and measure what comes of it.

runner goes from a plan to its report; dataset reads the file; instance is the Backchannel that is measured; server is
what the replay platform connects to; script has the authors, annotators and the admin; observer reads from the store
what was predicted; report and scores say how good, how fast and how complete it was.
"""

# pyright: reportUnsupportedDunderAll=false

__all__ = ["dataset", "instance", "observer", "report", "runner", "scores", "script", "server"]
