"""The annotated tenant of the documentation can be used as it is."""

from __future__ import annotations

import json
import re
from pathlib import Path

from urbanlab_hub.settings import CHECKOUT
from urbanlab_hub.tenant_schema import SCHEMA
from urbanlab_hub.tenants import load_tenants


def _read_example() -> str:
    text = (CHECKOUT / "hub_config" / "README.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n(# herford\.yaml.*?)```", text, re.DOTALL)
    assert example is not None
    return example[1]


def test_the_annotated_example_loads(tmp_path: Path) -> None:
    (tmp_path / "herford.yaml").write_text(_read_example(), encoding="utf-8")
    (tenant,) = load_tenants(tmp_path).values()

    assert [feed.name for feed in tenant.feeds] == ["footfall_live", "weather", "level"]
    assert tenant.sensors[0].level == 1.2
    assert (tenant.quotas.memory_mb, tenant.allow) == (8192, ("git",))
    assert [folder.writers for folder in tenant.shared_folders] == [("steward",), ()]


def test_the_annotated_example_shows_every_key() -> None:
    shown = set(re.findall(r"^(\w+):", _read_example(), re.MULTILINE))

    assert shown == set(json.loads(SCHEMA.read_text(encoding="utf-8"))["properties"])
