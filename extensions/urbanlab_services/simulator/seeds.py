"""Chance that is always the same: generators and smooth noise made from names."""

from __future__ import annotations

import hashlib
import math
import random
from functools import lru_cache


def make_random(*names: object) -> random.Random:
    """Return a generator that depends on `names` alone."""
    text = "\0".join(map(str, names))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return random.Random(int.from_bytes(digest, "big"))  # noqa: S311 - weather, not secrets


def smooth_noise(name: str, position: float) -> float:
    """Return a value between -1 and 1 that changes smoothly with `position`, by about one turn per unit."""
    left = math.floor(position)
    weight = (1 - math.cos(math.pi * (position - left))) / 2
    return _lattice(name, left) * (1 - weight) + _lattice(name, left + 1) * weight


def draw_count(chance: random.Random, mean: float, spread: float) -> int:
    """Return a count around `mean`, negative binomial: Poisson whose mean varies by `spread` (relative)."""
    shape = 1 / spread**2
    varied = chance.gammavariate(shape, mean / shape) if mean > 0 else 0.0
    if varied > 40:
        # From here on the normal approximation differs from Poisson by less than anybody could see.
        return max(0, round(chance.gauss(varied, math.sqrt(varied))))
    return _draw_poisson(chance, varied)


@lru_cache(maxsize=4096)
def _lattice(name: str, point: int) -> float:
    return make_random(name, point).uniform(-1, 1)


def _draw_poisson(chance: random.Random, mean: float) -> int:
    threshold, product, count = math.exp(-mean), chance.random(), 0
    while product > threshold:
        product *= chance.random()
        count += 1
    return count
