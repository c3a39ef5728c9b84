"""What the audit log is told of credentials that were refused: whose, which and why; never what was shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.kafka_broker import wait_until
from urbanlab.contract.audit import decode_entry
from urbanlab_services.audit.schemas import check_entry


def test_refusals_are_told_without_the_token(service: Any, tmp_path: Path) -> None:
    stranger = "a-token-that-nobody-has"
    assert service.ask("kafka", stranger).status == 401
    assert service.ask("warehouse", service.add("nora@town")).status == 403
    assert service.ask("publisher", service.add("publications@town", "/services/publications")).status == 403
    folder = tmp_path / "tokens" / "audit"
    wait_until(lambda: len(list(folder.glob("*.json"))) == 3, 10, "entries")
    texts = [path.read_text() for path in folder.glob("*.json")]
    entries = [decode_entry(json.loads(text)) for text in texts]
    for entry in entries:
        check_entry("tokens", entry)
    assert stranger not in "".join(texts)
    assert sorted(
        (entry.tenant, entry.data.get("person", ""), entry.data["purpose"]) for entry in entries
    ) == [
        ("", "", "kafka"),
        ("town", "nora@town", "warehouse"),
        ("town", "publications@town", "publisher"),
    ]
    assert {entry.data["reason"] for entry in entries} == {"unauthenticated", "forbidden"}
