"""The annotated tenant of the documentation can be used as it is."""

from __future__ import annotations

import re
from pathlib import Path

from urbanlab_hub.settings import CHECKOUT
from urbanlab_hub.tenants import load_tenants


def test_the_annotated_example_loads(tmp_path: Path) -> None:
    text = (CHECKOUT / "hub_config" / "README.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n# (\w+\.yaml)(.*?)```", text, re.DOTALL)
    assert example is not None
    (tmp_path / example[1]).write_text(example[2].partition("\n")[2], encoding="utf-8")
    (tenant,) = load_tenants(tmp_path).values()

    assert [feed.name for feed in tenant.feeds] == ["footfall_live", "weather", "level"]
    assert tenant.sensors[0].level == 1.2
