"""What this machine has and lacks: each finding with the command that mends it."""

from local.doctor.finding import Finding, State
from local.doctor.rounds import examine

__all__ = ["Finding", "State", "examine"]
