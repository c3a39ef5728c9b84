"""How Java is started for our parts: small, quick to start, and with no door for other accounts."""

from __future__ import annotations

import shutil
from pathlib import Path

from urbanlab_operate.errors import OperateError


def find_java() -> str:
    """Return the Java on the path; raise `OperateError` where there is none."""
    java = shutil.which("java")
    if java is None:
        raise OperateError("Java 17 or newer is missing: install the package openjdk-17-jre-headless")
    return java


def make_java(temporary: Path, *memory: str) -> list[str]:
    """Return the beginning of a Java command whose temporary files lie in a private folder."""
    return [
        find_java(),
        *memory,
        # Two quick compilers' worth of code is enough here, and starts in two thirds of the time.
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-XX:+ExitOnOutOfMemoryError",
        # Neither performance data in the common temporary folder nor a door for debuggers.
        "-XX:-UsePerfData",
        "-XX:+DisableAttachMechanism",
        f"-Djava.io.tmpdir={temporary}",
        "-Dfile.encoding=UTF-8",
        "-Djava.net.preferIPv4Stack=true",
    ]
