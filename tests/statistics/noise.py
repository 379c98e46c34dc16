"""Simulated machines: slices of two arms that differ in nothing but what is planted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvbench.statistics.duet import round_value


@dataclass(frozen=True)
class Machine:
    """Standard deviations are of logarithms."""

    slice_sd: float
    process_sd: float
    drift: float = 0.0
    """By how much time grows over a round."""
    bursts: float = 0.0
    """Share of slices that a neighbour slows by 30 %."""
    position: float = 0.0
    """What the second place in a pair costs."""
    modes: float = 0.0
    """Share of processes that were dealt an algorithm 4 % slower."""
    correlation: float = 0.0
    """Of one slice's noise with the next one's."""


QUIET = Machine(0.003, 0.002)
OWN = Machine(0.01, 0.005, bursts=0.01)
ROULETTE = Machine(0.003, 0.003, modes=0.15)
HOSTED = Machine(0.02, 0.01, drift=0.05, bursts=0.05)
NASTY = Machine(0.04, 0.015, drift=0.10, bursts=0.10, position=0.02)
STICKY = Machine(0.01, 0.005, correlation=0.7)
PROFILES = (QUIET, OWN, ROULETTE, HOSTED, NASTY, STICKY)


TURNS = {"ABBA": (0, 1, 1, 0), "BAAB": (1, 0, 0, 1), "ABAB": (0, 1, 0, 1)}


def blocks(draw, machine, rounds, number, *, slower=0.0, orders=("ABBA", "BAAB")):
    """Block values of so many rounds, `number` a round; arm B is slower by the logarithm `slower`."""
    shape = rounds, number, 4
    turn = (draw.integers(len(orders), size=(rounds, 1)) + np.arange(number)) % len(orders)
    arm = np.array([TURNS[order] for order in orders])[turn]
    dealt = machine.process_sd * draw.standard_normal((rounds, 2))
    dealt += 0.04 * (draw.random((rounds, 2)) < machine.modes)
    noise = machine.slice_sd * draw.standard_normal((rounds, 4 * number))
    for k in range(1, 4 * number):
        own = np.sqrt(1 - machine.correlation**2) * noise[:, k]
        noise[:, k] = machine.correlation * noise[:, k - 1] + own
    log = np.take_along_axis(dealt, arm.reshape(rounds, -1), 1).reshape(shape) + noise.reshape(shape)
    log += slower * arm + machine.position * (np.arange(4) % 2)
    log += machine.drift * np.linspace(0, 1, 4 * number).reshape(1, number, 4)
    log += np.log(1.3) * (draw.random(shape) < machine.bursts)
    return (log * (2 * arm - 1)).sum(axis=2) / 2


def rounds(draw, machine, number, *, blocks_each=2, **how):
    """One value a round, as a duet takes it."""
    return [round_value(row.tolist()) for row in blocks(draw, machine, number, blocks_each, **how)]
