"""This machine and its software, as a record carries them, and what could disturb a measurement.

Everything is read from the operating system and from package metadata, so that the command line can
ask without importing torch; a worker, which has imported it anyway, adds what only torch knows.
No host name, user name or serial number is read; what identifies a part is kept as a hash only.
"""

from __future__ import annotations

from cvbench.record import Environment
from cvbench.runner.environment import gpu, noise_sources, processor, settings, software
from cvbench.runner.environment.gpu import has_gpu
from cvbench.runner.environment.noise_sources import disturbances
from cvbench.runner.environment.processor import threads_available
from cvbench.runner.environment.system_files import commit_of

PROTOCOL = 1
"""Version of the timing rules: raised when a change may make times differ from earlier ones."""

__all__ = ["commit_of", "disturbances", "has_gpu", "probe", "threads_available"]


def probe() -> Environment:
    """The environment of this process."""
    return Environment(
        hard={**processor.facts(), **gpu.facts(), **software.facts(), "timing_protocol": PROTOCOL},
        soft=settings.facts(),
        volatile=noise_sources.facts(),
    )
