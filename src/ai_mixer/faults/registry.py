"""All faults of the fault finder, in the order of a report."""

from ai_mixer.faults import channels, dynamics, signal, stereo, tonal
from ai_mixer.faults.fault import Fault

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for table in (channels, signal, stereo, tonal, dynamics)
    for fault in table.FAULTS
}
"""Name → fault."""
