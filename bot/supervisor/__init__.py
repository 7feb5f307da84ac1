"""Keeps the processes of Backchannel running: the broker, the bots, the workers and beat.

supervisor starts, restarts and stops them; child is one of them over all its restarts; stack says which there are and
how each is started; orphans ends what a killed supervisor left running. The supervisor is our own: systemd or a
container does the same in production, but `pip install` and one command must be enough to try everything.
"""

# pyright: reportUnsupportedDunderAll=false

__all__ = ["child", "orphans", "stack", "supervisor"]
