"""The audit service for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.audit_process import AuditProcess
from tests.kafka_broker import wait_until


@pytest.fixture
def service(tmp_path: Path) -> Iterator[AuditProcess]:
    process = AuditProcess(tmp_path)
    process.start()
    yield process
    process.kill()


@pytest.fixture
def wait() -> Callable[..., Any]:
    return wait_until
