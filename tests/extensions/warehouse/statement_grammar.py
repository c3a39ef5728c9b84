"""A seeded grammar of statements: what analysts write, with hostile pieces in the gaps, in all disguises.

The same seed gives the same statement. Names in it are those of `engine_parse`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from . import statement_words as words

_KEYWORD = re.compile(r"[A-Z]{2,}")
_NAME = re.compile(r"\b(?:beta|secret|footfall|own|alpha|lab_alpha)\b(?!:)")

Option = TypeVar("Option")


@dataclass(frozen=True)
class Places:
    """Where marks lie outside the engine."""

    file: str
    out: str
    port: int


def make_statement(seed: str, places: Places) -> str:
    """Return the statement of a seed."""
    text = _Writer(random.Random(seed)).statement()
    return (
        text.replace("FILE", places.file).replace("OUT'", f"{places.out}'").replace("PORT", str(places.port))
    )


class _Writer:
    """Writes one statement; `depth` ends the recursion."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._depth = 0
        self._hostility = self._pick((0.02, 0.1, 0.4))

    def statement(self) -> str:
        kind = self._chance.random()
        if kind < 0.55:
            text = self.select()
        elif kind < 0.70:
            text = self._fill(self._pick(words.WHOLE))
        else:
            text = self._fill(self._pick(words.CHANGES))
        if self._chance.random() < 0.15:
            text += f" SETTINGS {self._choose(words.SETTINGS)}"
        if self._chance.random() < 0.08:
            text += self._pick(
                (" FORMAT CSV", " FORMAT Native", " FORMAT Template", " INTO OUTFILE 'OUT'", ";")
            )
        if self._chance.random() < 0.04:
            text += f"; {self.select()}"
        return self._disguise(text)

    def select(self) -> str:
        self._depth += 1
        text = self._select()
        self._depth -= 1
        return text

    def _select(self) -> str:
        shape = self._chance.random() if self._depth < 4 else 0.0
        if shape < 0.6:
            return self._plain()
        if shape < 0.67:
            return f"WITH s AS ({self.select()}) {self._plain()}"
        if shape < 0.72:
            return f"WITH {self.expression()} AS s {self._plain()}"
        if shape < 0.80:
            return f"SELECT {self._pick(('*', 's.a', 's.*', 'count()'))} FROM ({self.select()}) AS s"
        if shape < 0.85:
            return f"{self._plain()} {self._pick(('UNION ALL', 'INTERSECT', 'EXCEPT'))} {self._plain()}"
        if shape < 0.93:
            return f"SELECT * FROM ({self.select()}) AS q {self._join()}"
        if shape < 0.96:
            return f"SELECT * APPLY (x -> {self.expression()}) FROM ({self.select()})"
        return f"SELECT * REPLACE ({self.expression()} AS people) FROM view({self.select()})"

    def _plain(self) -> str:
        count = self._pick((0, 0, 0, 1, 2))
        chosen = sorted(self._chance.sample(range(len(words.CLAUSES)), count))
        clauses = "".join(f" {self._fill(words.CLAUSES[number])}" for number in chosen)
        column = self._pick(("*", "a", "toString(a)", "", "", ""))
        return f"SELECT {column or self.expression()} FROM {self._source()}{clauses}"

    def _join(self) -> str:
        kind = self._pick(("JOIN", "LEFT JOIN", "ANY JOIN", "CROSS JOIN", "PASTE JOIN"))
        condition = (
            ""
            if kind in ("CROSS JOIN", "PASTE JOIN")
            else f" ON toString({self.expression()}) = toString(s.a)"
        )
        return f"{kind} ({self.select()}) AS s{condition}"

    def expression(self) -> str:
        self._depth += 1
        kind = self._chance.random() if self._depth < 6 else 0.0
        if kind < 0.5:
            text = self._choose(words.ATOMS)
        elif kind < 0.65:
            text = f"({self.select()})"
        else:
            text = re.sub(r"\{\}", lambda _: self.expression(), self._pick(words.WRAPS))
        self._depth -= 1
        return text

    def _source(self) -> str:
        kind = self._chance.random()
        if kind < 0.6:
            return self._choose(words.TABLES)
        if kind < 0.75 or self._depth > 4:
            return self._choose(words.FUNCTIONS)
        return f"({self.select()})"

    def _fill(self, text: str) -> str:
        pieces: dict[str, Callable[[], str]] = {
            "table": lambda: self._choose(words.TABLES),
            "target": lambda: self._choose(words.TARGETS),
            "function": lambda: self._choose(words.FUNCTIONS),
            "select": self.select,
            "expression": self.expression,
            "engine": lambda: re.sub(r"\{\}", lambda _: self.expression(), self._choose(words.ENGINES)),
            "security": lambda: self._pick(words.SECURITIES),
        }
        return re.sub(r"\{(\w+)\}", lambda match: pieces[match[1]](), text)

    def _disguise(self, text: str) -> str:
        kind = self._chance.random()
        if kind < 0.5:
            return text
        if kind < 0.65:
            gap = self._pick(
                (" /* lab_alpha.own */ ", "\n", "\t", "/**/", " -- alpha\n", "\u00a0", "\u200b", " #! x\n")
            )
            return re.sub(r" ", lambda _: gap if self._chance.random() < 0.3 else " ", text)
        if kind < 0.8:
            quote = self._pick(("`", '"'))
            return _NAME.sub(
                lambda match: f"{quote}{match[0]}{quote}" if self._chance.random() < 0.7 else match[0], text
            )
        if kind < 0.9:
            return _KEYWORD.sub(
                lambda match: self._pick((match[0].lower(), match[0].title(), match[0])), text
            )
        if kind < 0.95:
            return f"{self._pick(('/* x */', '-- x', '#! x', ';', chr(0xFEFF), '('))}\n{text}"
        return text.replace("beta", self._pick(("b\\x65ta", "ｂeta", "betа", "BETA", "beta\u0000")))

    def _choose(self, pair: tuple[tuple[str, ...], tuple[str, ...]]) -> str:
        return self._pick(pair[self._chance.random() < self._hostility])

    def _pick(self, options: tuple[Option, ...]) -> Option:
        return self._chance.choice(options)
