"""Keycloak's login flow as the realm's file has it: mended where it is, made anew where steps are missing.

Keycloak shows nobody some values of steps, like the name under which a code counts. Whether they are still ours
is told by its log of changes: a mark at the realm says which values were written last, and by which change.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from urbanlab_operate.changes import ApplyError, Changes
from urbanlab_operate.keycloak_realm import Realm

MARK = "urbanlab.login-flow"  # attribute of the realm
HIDDEN = "**********"
_FLOWS = "/authentication/flows"

Values = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One step as it is wanted; a step that is a flow has others below it."""

    level: int
    is_flow: bool
    name: str
    requirement: str
    config: Values | None

    @property
    def shape(self) -> tuple[int, bool, str]:
        """What cannot be changed of a step that is there."""
        return self.level, self.is_flow, self.name


@dataclass(frozen=True)
class Flow:
    """The flow that is to be used, and those of ours that are not."""

    alias: str
    others: tuple[Values, ...]


def ensure_flow(realm: Realm, file: Values, found: Values, changes: Changes) -> Flow:
    """Bring the login flow in line, or make another beside it; return which one the realm is to use."""
    steps = list(make_steps(file, file["browserFlow"]))
    ours = [flow for flow in realm.get(_FLOWS) or [] if _is_ours(flow["alias"], file)]
    ours.sort(key=lambda flow: (flow["alias"] != found.get("browserFlow"), flow["alias"]))
    taken = [str(flow["alias"]) for flow in ours]
    rows = {alias: _list_rows(realm, alias) for alias in taken}
    alias = next((each for each in taken if _fits(file, each, rows[each], steps)), None)
    if alias is None:
        alias = _choose_alias(file["browserFlow"], set(taken))
        changes.make(f"make the login flow anew as {alias}", partial(_build, realm, file, alias, steps))
    else:
        marked = found.get("attributes", {}).get(MARK) == _make_mark(realm, file)
        _mend(realm, file, alias, list(zip(rows[alias], steps, strict=True)), marked, changes)
    return Flow(alias, tuple(flow for flow in ours if flow["alias"] != alias))


def retire_others(realm: Realm, flow: Flow, changes: Changes) -> None:
    """Delete what is left of former login flows, with the steps in them."""
    for other in flow.others:
        delete = partial(realm.delete, f"{_FLOWS}/{other['id']}")
        changes.make(f"delete the login flow {other['alias']}, which is used no longer", delete)


def make_steps(file: Values, flow: str, level: int = 0) -> Iterator[Step]:
    """Yield the steps of a flow of the file as Keycloak lists them: each followed by those below it."""
    configs = {entry["alias"]: entry for entry in file["authenticatorConfig"]}
    for step in _list_executions(file, flow):
        name = step["flowAlias"] if step["authenticatorFlow"] else step["authenticator"]
        config = configs[step["authenticatorConfig"]] if "authenticatorConfig" in step else None
        yield Step(level, step["authenticatorFlow"], name, step["requirement"], config)
        if step["authenticatorFlow"]:
            yield from make_steps(file, name, level + 1)


def _get_flow(file: Values, alias: str) -> Values:
    return next(flow for flow in file["authenticationFlows"] if flow["alias"] == alias)


def _list_executions(file: Values, alias: str) -> list[Values]:
    return sorted(_get_flow(file, alias)["authenticationExecutions"], key=lambda step: step["priority"])


# --- which flow it is ---


def _is_ours(alias: str, file: Values) -> bool:
    return re.fullmatch(rf"{re.escape(file['browserFlow'])}( \d+)?", alias) is not None


def _choose_alias(alias: str, taken: set[str]) -> str:
    numbered = (f"{alias} {number}" for number in range(2, len(taken) + 3))
    return next(each for each in (alias, *numbered) if each not in taken)


def _fits(file: Values, alias: str, rows: list[Values], steps: list[Step]) -> bool:
    suffix = _find_suffix(file, alias)
    shapes = [(row["level"], *_read_name(row, suffix)) for row in rows]
    return shapes == [step.shape for step in steps]


def _find_suffix(file: Values, alias: str) -> str:
    """Return what the names in a flow made anew end with: no two flows, or values of steps, may be called alike."""
    return alias.removeprefix(file["browserFlow"])


def _read_name(row: Values, suffix: str) -> tuple[bool, str]:
    if row.get("authenticationFlow"):
        return True, str(row["displayName"]).removesuffix(suffix)
    return False, str(row.get("providerId"))


def _list_rows(realm: Realm, alias: str) -> list[Values]:
    return realm.get(f"{_make_path(alias)}/executions") or []


def _make_path(alias: str) -> str:
    return f"{_FLOWS}/{quote(alias, safe='')}"


# --- mending it ---


def _mend(
    realm: Realm, file: Values, alias: str, pairs: list[tuple[Values, Step]], marked: bool, changes: Changes
) -> None:
    for row, step in pairs:
        if row["requirement"] != step.requirement:
            sentence = f"make {step.name} of the login flow {step.requirement}"
            changes.make(sentence, partial(_require, realm, alias, row, step))
    if not marked or not all(_has_values(realm, row, step) for row, step in pairs):
        write = partial(_write_values, realm, file, alias, [step for _, step in pairs])
        changes.make("set the values of the login flow's steps", write)


def _require(realm: Realm, alias: str, row: Values, step: Step) -> None:
    realm.put(f"{_make_path(alias)}/executions", {**row, "requirement": step.requirement})


def _has_values(realm: Realm, row: Values, step: Step) -> bool:
    """Return whether a step has the values that it should have, as far as Keycloak shows them."""
    wanted = step.config["config"] if step.config else {}
    held = _find_config(realm, row)
    return held.keys() == wanted.keys() and all(
        held[name] in (HIDDEN, value) for name, value in wanted.items()
    )


def _find_config(realm: Realm, row: Values) -> Values:
    config = row.get("authenticationConfig")
    found = realm.get(f"/authentication/config/{config}") if config else None
    values: Values = (found or {}).get("config") or {}
    return values


def _write_values(realm: Realm, file: Values, alias: str, steps: list[Step]) -> None:
    suffix = _find_suffix(file, alias)
    for row, step in zip(_list_rows(realm, alias), steps, strict=True):
        held = row.get("authenticationConfig")
        config = step.config and {**step.config, "alias": step.config["alias"] + suffix}
        if config and held:
            realm.put(f"/authentication/config/{held}", config)
        elif config:
            _create(realm, f"/authentication/executions/{row['id']}/config", config)
        elif held:
            realm.delete(f"/authentication/config/{held}")
    found, mark = realm.get(""), {MARK: _make_mark(realm, file)}
    realm.put("", {**found, "attributes": {**found["attributes"], **mark}})


def _make_mark(realm: Realm, file: Values) -> str:
    """Return a word for the values that the file has and the last change of any step's values in Keycloak."""
    digest = hashlib.sha256(json.dumps(file["authenticatorConfig"], sort_keys=True).encode()).hexdigest()[:16]
    events = realm.get("/admin-events", resourceTypes="AUTHENTICATOR_CONFIG", max=1) or []
    return f"{digest} {events[0]['id'] if events else '-'}"


# --- making it anew ---


def _build(realm: Realm, file: Values, alias: str, steps: list[Step]) -> None:
    """Make the whole flow, which nobody uses until the realm names it."""
    above = _get_flow(file, file["browserFlow"])
    values = {name: value for name, value in above.items() if name != "authenticationExecutions"}
    _create(realm, _FLOWS, {**values, "alias": alias})
    _add_steps(realm, file, file["browserFlow"], _find_suffix(file, alias))
    for row, step in zip(_list_rows(realm, alias), steps, strict=True):
        _require(realm, alias, row, step)
    _write_values(realm, file, alias, steps)


def _add_steps(realm: Realm, file: Values, flow: str, suffix: str) -> None:
    path = f"{_make_path(flow + suffix)}/executions"
    for step in _list_executions(file, flow):
        priority = {"priority": step["priority"]}
        if step["authenticatorFlow"]:
            below = _get_flow(file, step["flowAlias"])
            values = {"alias": below["alias"] + suffix, "description": below["description"]}
            _create(realm, f"{path}/flow", {**values, **priority, "type": below["providerId"]})
            _add_steps(realm, file, step["flowAlias"], suffix)
        else:
            _create(realm, f"{path}/execution", {"provider": step["authenticator"], **priority})


def _create(realm: Realm, path: str, values: Values) -> None:
    if not realm.post(path, values):
        name = values.get("alias", path)
        raise ApplyError(
            f"Keycloak's realm has another {name!r} in its authentication: rename or delete that"
        )
