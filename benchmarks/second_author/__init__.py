"""Cities for the truth benchmark, written from the contract and the fault catalogue alone.

Nothing here imports the simulator, the agent or the first author's cities: the electrical model, the Sparkplug encoder,
the register and the account of what really failed are its own, so that one misreading is not made twice.
"""

from .play import Job, Outcome, play_city
from .score import CODES

__all__ = ["CODES", "Job", "Outcome", "play_city"]
