"""Attacks that wait: links in a home for the next start, processes that outlive one, planted code."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from tests.installation import Installation

from .login import StaffSession
from .operator_access import ask_as_service, wait_until
from .publishing import PublicationsRunner

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give servers accounts of their own")


# --- what root does in a home ---


def test_root_follows_no_link_that_somebody_put_into_a_home(installation: Installation) -> None:
    outside = Path(tempfile.mkdtemp(prefix="urbanlab-canary-", dir="/var/tmp"))
    outside.chmod(0o755)
    victim_file, victim_folder = outside / "file", outside / "folder"
    victim_file.write_text("untouched")
    victim_folder.mkdir(mode=0o755)
    (victim_folder / "kept").write_text("untouched")
    try:
        with StaffSession(installation, "steward-guetersloh") as session:
            session.run("import os, json, shutil, sys")
            home = session.ask_json("print(json.dumps(os.environ['HOME']))")
            before = describe(outside)
            planted = session.ask_json(
                PLANT.format(targets=[str(victim_file), str(victim_folder)], guessed=GUESSED)
            )
            assert ".urbanlab-server.log" in planted
            session.stop_server()
            # Whoever breaks the own home may have to do without a server; others must not notice.
            began = session.ask_hub("POST", f"users/{quote(session.hub_user)}/server")
            assert began.status_code in (201, 202, 500), began.text
            assert describe(outside) == before
            assert Path(home).lstat().st_mode & 0o777 == 0o700
            shutil.rmtree(home)
            if began.status_code != 500:
                session.stop_server()
            session.start_server()
            assert describe(outside) == before
    finally:
        shutil.rmtree(outside)


GUESSED = [
    *(
        ".urbanlab-server.log",
        "Kuratierte Notebooks",
        ".trash",
        ".Trash",
        ".local",
        ".local/share",
        ".jupyter",
        ".cache",
    ),
    *(".cache/tmp", ".config", ".ipython", ".urbanlab", "runs", "pages", "tmp", ".tmp"),
]
PLANT = """
os.chdir(os.environ["HOME"])
names = sorted({{*os.listdir("."), *{guessed!r}}}, key=lambda name: name.count("/"), reverse=True)
for number, name in enumerate(names):
    if os.path.islink(name) or os.path.isfile(name):
        os.unlink(name)
    elif os.path.isdir(name):
        shutil.rmtree(name)
    if "/" not in name:
        os.symlink({targets!r}[number % 2], name)
os.chmod(".", 0o777)
print(json.dumps(sorted(names)))
"""


def describe(folder: Path) -> list[tuple[str, int, int, int, str]]:
    """Return all that somebody could have changed about a folder and what is in it."""
    found = []
    for path in sorted((folder, *folder.rglob("*"))):
        about = path.lstat()
        text = path.read_text() if path.is_file() else ""
        found.append((str(path), about.st_mode, about.st_uid, about.st_gid, text))
    return found


# --- what outlives a server ---


def test_nothing_of_a_server_outlives_it(installation: Installation) -> None:
    code = """
import ctypes, json, os, subprocess, tempfile
libc = ctypes.CDLL(None)
ways = ["setsid nohup sleep 1000 &", "setsid sh -c 'trap \\"\\" TERM HUP; sleep 1000 & sleep 999' &",
        "unshare --user --map-root-user --pid --fork --mount-proc sleep 1000 &", "echo 'sleep 1000' | at now",
        "echo '* * * * * sleep 1000' | crontab -", "systemd-run --user sleep 1000", "systemd-run sleep 1000"]
for way in ways:
    null = subprocess.DEVNULL
    subprocess.run(way, shell=True, stdin=null, stdout=null, stderr=null, timeout=20)
print(json.dumps(os.getuid()))
"""
    with StaffSession(installation, "steward-rietberg") as session:
        uid = session.ask_json(code)
        assert len(list_processes(uid)) >= 6
        session.stop_server()
        wait_until(lambda: not list_processes(uid), 5)
    assert not [
        path for path in Path("/var/spool").rglob("*") if path.is_file() and path.stat().st_uid == uid
    ]


def list_processes(uid: int) -> list[psutil.Process]:
    """Return the living processes of an account."""
    return [
        process
        for process in psutil.process_iter(["uids", "status"])
        if process.info["uids"].real == uid and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


# --- what a publication leaves for the server that runs it, which holds a token of the hub ---

PLANT_CODE = """
import json, os, sys
from pathlib import Path
code = f"import os; open({mark!r}, 'a').write(str(os.getpid()) + ' ' + ' '.join(sorted(os.environ)) + chr(10))"
kernel = {"argv": [sys.executable, "-c", code, "{connection_file}"], "display_name": "x", "language": "python"}
packages = f".local/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
files = {
    **dict.fromkeys([".jupyter/jupyter_server_config.py", ".jupyter/jupyter_config.py", "jupyter_server_config.py",
                     ".config/jupyter/jupyter_server_config.py", "jupyter_config.py", "jupyterhub.py",
                     "tornado/__init__.py", "sitecustomize.py", "usercustomize.py", ".pythonstartup", ".pdbrc",
                     f"{packages}/sitecustomize.py", f"{packages}/usercustomize.py", f"{packages}/planted.pth",
                     ".ipython/profile_default/startup/00.py", ".ipython/profile_default/ipython_config.py",
                     ".ipython/profile_default/ipython_kernel_config.py"], code),
    ".local/share/jupyter/kernels/urbanlab/kernel.json": json.dumps(kernel),
    ".profile": f"touch {mark}", ".bashrc": f"touch {mark}", "voila.json": "{",
    ".jupyter/jupyter_server_config.json": '{"ServerApp": {"root_dir": "/nonexistent"}}',
}
planted = []
for home in homes:
    for name, text in files.items():
        path = Path(home, name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            planted.append(str(path))
        except OSError:
            pass
print(json.dumps(planted))
"""


def test_a_publication_leaves_no_code_for_the_server_that_runs_it(installation: Installation) -> None:
    runner = PublicationsRunner(installation, "rietberg")
    runner.start()
    shared = Path(tempfile.mkdtemp(prefix="urbanlab-mark-", dir="/var/tmp"))
    shared.chmod(0o777)
    homes = [str(path) for path in installation.settings.homes.glob("*-publications-*")]
    planted: list[str] = []
    try:
        planted = runner.ask_json(f"mark, homes = {str(shared / 'ran')!r}, {homes!r}{PLANT_CODE}")
        # The notebook knows where the account's home is: it is called as the account is.
        assert len({path.split("/homes/")[1].split("/")[0] for path in planted}) == 1
        ask_as_service(installation, "publisher", "DELETE", f"users/{runner.user}/server")
        wait_until(lambda: not runner.find_server(), 30)
        runner.start()
        assert runner.ask_json("import json; print(json.dumps('still works'))") == "still works"
        ran = (shared / "ran").read_text() if (shared / "ran").exists() else ""
        assert ran == ""
    finally:
        shutil.rmtree(shared)
        for path in planted:
            Path(path).unlink(missing_ok=True)
