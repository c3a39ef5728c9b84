"""Reads a tenant's YAML file so that each value is found again by its line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

KeyPath = tuple[str | int, ...]


class TenantFileError(ValueError):
    """A file that cannot be read; the message names file, line and reason."""


@dataclass(frozen=True)
class TenantFile:
    """The values of one file, and the line on which each key stands."""

    path: Path
    values: dict[str, Any]
    lines: dict[KeyPath, int]

    def has(self, key: KeyPath) -> bool:
        """Say whether the file itself sets this key."""
        return key in self.lines

    def place(self, key: KeyPath) -> str:
        """Return ``guetersloh.yaml:12``, the place of a key or of the nearest key around it."""
        while key and key not in self.lines:
            key = key[:-1]
        return f"{self.path.name}:{self.lines[key]}" if key else self.path.name


def read_tenant_file(path: Path) -> TenantFile:
    """Return what stands in a file; raise `TenantFileError` where it is no plain YAML."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TenantFileError(f"{path.name} does not exist") from None
    except UnicodeDecodeError as error:
        raise TenantFileError(f"{path.name} is not written in UTF-8 (byte {error.start})") from error
    try:
        return _parse(path, text)
    except yaml.YAMLError as error:
        raise TenantFileError(_describe(path, error)) from error
    except RecursionError as error:
        raise TenantFileError(f"{path.name}: lists within lists, too deep to read") from error


def _parse(path: Path, text: str) -> TenantFile:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        reader = _Reader(path, loader)
        values = {} if node is None else reader.read(node, ())
    finally:
        loader.dispose()
    if not isinstance(values, dict):
        raise TenantFileError(f"{path.name}:1: a tenant's file must be a list of keys with values")
    return TenantFile(path, values, reader.lines)


class _Loader(yaml.SafeLoader):
    """Without aliases: they hide where a value comes from and can grow without end."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not possible here", problem_mark=mark)
        return super().compose_node(parent, index)


@dataclass
class _Reader:
    path: Path
    loader: _Loader

    def __post_init__(self) -> None:
        self.lines: dict[KeyPath, int] = {}

    def read(self, node: yaml.Node, key: KeyPath) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self._read_mapping(node, key)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, self._mark((*key, index), item)) for index, item in enumerate(node.value)]
        return self._read_scalar(node)

    def _read_mapping(self, node: yaml.MappingNode, key: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name_node, value_node in node.value:
            # The name as it is written: `on` or `12` as a key is text here, whatever YAML makes of it.
            name = str(name_node.value)
            if name in values:
                line, first = name_node.start_mark.line + 1, self.lines[(*key, name)]
                raise TenantFileError(f"{self.path.name}:{line}: {name} stands twice, first on line {first}")
            values[name] = self.read(value_node, self._mark((*key, name), name_node))
        return values

    def _read_scalar(self, node: yaml.Node) -> Any:
        place = f"{self.path.name}:{node.start_mark.line + 1}"
        try:
            value = self.loader.construct_object(node)
        except (AttributeError, LookupError, ValueError) as error:  # the 45th of May, !!bool x, 5,000 digits
            raise TenantFileError(f"{place}: {node.value[:40]!r} cannot be read as a value") from error
        if isinstance(value, float) and not math.isfinite(value):
            raise TenantFileError(f"{place}: {node.value} is no number that can be used")
        return value

    def _mark(self, key: KeyPath, node: yaml.Node) -> KeyPath:
        self.lines[key] = node.start_mark.line + 1
        return key


def _describe(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f"{path.name}:{mark.line + 1}" if mark else path.name
    return f"{place}: no YAML: {getattr(error, 'problem', None) or 'unreadable characters'}"
