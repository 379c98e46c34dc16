"""Simulated machines: slices of two arms that differ only in the planted slowdown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvbench.runner.ab.verdicts import SCREENING
from cvbench.statistics.ab_test import round_value


@dataclass(frozen=True)
class Machine:
    """Noise parameters. Standard deviations are of logarithms; a slice takes 10 ms."""

    slice_sd: float
    process_sd: float
    drift: float = 0.0
    """Relative increase of the time over a round."""
    bursts: float = 0.0
    """Share of the time in which another process slows everything by 30 %."""
    position: float = 0.0
    """Slowdown of the second position in a pair."""
    modes: float = 0.0
    """Share of processes with an algorithm that is 4 % slower."""
    correlation: float = 0.0
    """Correlation of the noise of consecutive slices."""


BURST = 20
"""Mean duration of a burst of another process, in slices: 0.2 s."""
QUIET = Machine(0.013, 0.002)
OWN = Machine(0.045, 0.005, bursts=0.01)
ROULETTE = Machine(0.013, 0.003, modes=0.15)
HOSTED = Machine(0.09, 0.01, drift=0.05, bursts=0.05)
NASTY = Machine(0.18, 0.025, drift=0.10, bursts=0.10, position=0.02)
STICKY = Machine(0.01, 0.005, correlation=0.98)
PROFILES = (QUIET, OWN, ROULETTE, HOSTED, NASTY, STICKY)


TURNS = {"ABBA": (0, 1, 1, 0), "BAAB": (1, 0, 0, 1), "ABAB": (0, 1, 0, 1)}


def blocks(draw, machine, rounds, number, *, slower=0.0, orders=("ABBA", "BAAB")):
    """Block values of `rounds` rounds with `number` blocks each; arm B is slower by log ratio `slower`."""
    shape = rounds, number, 4
    turn = (draw.integers(len(orders), size=(rounds, 1)) + np.arange(number)) % len(orders)
    arm = np.array([TURNS[order] for order in orders])[turn]
    dealt = machine.process_sd * draw.standard_normal((rounds, 2))
    dealt += 0.04 * (draw.random((rounds, 2)) < machine.modes)
    noise = machine.slice_sd * draw.standard_normal((rounds, 4 * number))
    if machine.correlation:
        for k in range(1, 4 * number):
            own = np.sqrt(1 - machine.correlation**2) * noise[:, k]
            noise[:, k] = machine.correlation * noise[:, k - 1] + own
    log = np.take_along_axis(dealt, arm.reshape(rounds, -1), 1).reshape(shape) + noise.reshape(shape)
    log += slower * arm + machine.position * (np.arange(4) % 2)
    log += machine.drift * np.linspace(0, 1, 4 * number).reshape(1, number, 4)
    if machine.bursts:
        log += np.log(1.3) * _bursts(draw, machine.bursts, shape)
    return (log * (2 * arm - 1)).sum(axis=2) / 2


def _bursts(draw, share, shape):
    """Which slices are in a burst: a two-state Markov chain, on for `BURST` slices on average."""
    dice = draw.random((shape[0], shape[1] * shape[2]))
    begins = share / (1 - share) / BURST
    on = np.empty(dice.shape, bool)
    on[:, 0] = dice[:, 0] < share
    for k in range(1, dice.shape[1]):
        on[:, k] = np.where(on[:, k - 1], dice[:, k] >= 1 / BURST, dice[:, k] < begins)
    return on.reshape(shape)


def rounds(draw, machine, number, *, blocks_each=SCREENING, **how):
    """One value per round, as in a duet."""
    return [round_value(row.tolist()) for row in blocks(draw, machine, number, blocks_each, **how)]
