"""Shared folders with real accounts: who reads, who writes, and tricks with links."""

from __future__ import annotations

import dataclasses
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub_config.conftest import needs_root, remove_accounts
from urbanlab.contract.naming import NamingError
from urbanlab.contract.records import SharedFolder, Tenant
from urbanlab_hub import shared_folders
from urbanlab_hub.accounts import ensure_account

MODULE = Path(__file__).parents[3] / "extensions/urbanlab_lab/shared_folders.py"
FOLDERS = (SharedFolder("karten", ("steward", "admin")), SharedFolder("vorlagen", ()))


@dataclasses.dataclass(frozen=True)
class Person:
    """Somebody with an account and a home, who runs code with the groups of the own roles."""

    account: pwd.struct_passwd
    groups: list[int]
    home: Path

    def run(self, code: str, *arguments: object) -> str:
        done = subprocess.run(
            [sys.executable, "-I", "-c", f"import os, sys\n{code}", *map(str, arguments)],
            user=self.account.pw_uid,
            group=self.account.pw_gid,
            extra_groups=self.groups,
            umask=0o077,
            cwd=self.home,
            env={"HOME": str(self.home), "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.stdout.strip() if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


READ = "print(open(sys.argv[1]).read())"
WRITE = "open(sys.argv[1], 'w').write(sys.argv[2]); print('written')"
# The module of the person's server, without the server around it.
_LOAD = f"""
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("shared_folders", {str(MODULE)!r})
lab = module_from_spec(spec); spec.loader.exec_module(lab)
"""
HAND_DOWN_ALL = f"{_LOAD}lab.SharedFolders(folders=sys.argv[1:]).hand_down_all()"
HAND_DOWN = f"{_LOAD}lab.hand_down_access(sys.argv[1])"


@dataclasses.dataclass(frozen=True)
class Town:
    """A tenant with its shared folders, and a maker of people."""

    tenant: Tenant
    root: Path
    installation: str

    @property
    def maps(self) -> Path:
        return self.root / self.tenant.id / "karten"

    def make_person(self, hub_user: str, *roles: str) -> Person:
        account = ensure_account(hub_user, self.installation)
        home = self.root.parent / "homes" / account.pw_name
        home.parent.mkdir(mode=0o711, exist_ok=True)
        home.mkdir(mode=0o700, exist_ok=True)
        os.chown(home, account.pw_uid, account.pw_gid)
        mine = hub_user.endswith(f"@{self.tenant.id}")
        groups = shared_folders.list_groups(self.tenant, self.installation, roles) if mine else []
        return Person(account, groups, home)

    def ensure(self) -> None:
        shared_folders.ensure_shared_folders(self.root, self.tenant, self.installation)


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    """One tenant for all tests here, because making accounts takes its time."""
    folder = Path(tempfile.mkdtemp(prefix="ultest-", dir="/var/tmp"))
    folder.chmod(0o711)
    installation = secrets.token_hex(2)
    made = Town(_make_tenant(), folder / "shared", installation)
    made.ensure()
    yield made
    remove_accounts(installation)
    shutil.rmtree(folder)


def _make_tenant() -> Tenant:
    return Tenant(
        "alpha",
        "Alpha",
        ("de",),
        "NW",
        "Europe/Berlin",
        51.9,
        8.4,
        "EPSG:25832",
        0,
        "",
        shared_folders=FOLDERS,
    )


@needs_root
def test_writers_write_and_everyone_of_the_tenant_reads(town: Town) -> None:
    writer, second = (
        town.make_person("anna@alpha", "steward"),
        town.make_person("otto@alpha", "admin", "analyst"),
    )
    reader = town.make_person("ben@alpha", "analyst")
    assert writer.run("os.mkdir(sys.argv[1])", town.maps / "2025") == ""
    file = town.maps / "2025" / "a.txt"
    assert writer.run(WRITE, file, "hier") == "written"

    assert reader.run(READ, file) == second.run(READ, file) == "hier"
    assert "Permission denied" in reader.run(WRITE, file, "x")
    assert "Permission denied" in reader.run(WRITE, file.parent / "b.txt", "x")
    assert "Permission denied" in reader.run("os.unlink(sys.argv[1])", file)
    assert second.run(WRITE, file, "dort") == "written"
    assert second.run("os.unlink(sys.argv[1])", file) == ""
    # Nobody is a writer of the other folder.
    assert "Permission denied" in writer.run(WRITE, town.root / "alpha" / "vorlagen" / "x", "x")


@needs_root
def test_another_tenant_sees_nothing_not_even_which_folders_there_are(town: Town) -> None:
    writer, stranger = (
        town.make_person("anna@alpha", "steward"),
        town.make_person("anna@beta", "steward", "admin"),
    )
    writer.run(WRITE, town.maps / "a.txt", "hier")

    for path in (town.maps / "a.txt", town.maps, town.root / "alpha" / "absent"):
        assert "Permission denied" in stranger.run(READ, path)
        assert "Permission denied" in stranger.run("os.stat(sys.argv[1])", path)
    for path in (town.root, town.root / "alpha"):
        assert "Permission denied" in stranger.run("os.listdir(sys.argv[1])", path)


@needs_root
def test_somebody_without_a_role_and_service_users_get_in_nowhere(town: Town) -> None:
    for name in ("nobody@alpha", "publications@alpha"):
        assert "Permission denied" in town.make_person(name).run("os.listdir(sys.argv[1])", town.maps)


@needs_root
def test_what_is_moved_in_is_private_until_its_owners_server_hands_access_down(town: Town) -> None:
    writer, reader = town.make_person("anna@alpha", "steward"), town.make_person("ben@alpha", "analyst")
    writer.run("os.makedirs('tree/deep'); open('tree/deep/a.txt', 'w').write('moved')")
    writer.run("os.rename('tree', sys.argv[1])", town.maps / "tree")
    file = town.maps / "tree" / "deep" / "a.txt"
    assert "Permission denied" in reader.run(READ, file)

    assert writer.run(HAND_DOWN, town.maps / "tree") == ""
    assert reader.run(READ, file) == "moved"
    assert "Permission denied" in reader.run(WRITE, file, "x")
    assert not file.stat().st_mode & stat.S_IXUSR
    # What is made in there later is everybody's, too.
    writer.run(WRITE, file.with_name("b.txt"), "later")
    assert reader.run(READ, file.with_name("b.txt")) == "later"


@needs_root
def test_a_copy_that_brought_its_own_mode_along_is_opened_at_the_next_look(town: Town) -> None:
    writer, reader = town.make_person("anna@alpha", "steward"), town.make_person("ben@alpha", "analyst")
    writer.run(WRITE, "private.csv", "copied")
    writer.run("import shutil; shutil.copy('private.csv', sys.argv[1])", town.maps / "c.csv")
    assert "Permission denied" in reader.run(READ, town.maps / "c.csv")
    writer.run(HAND_DOWN_ALL, town.maps)
    assert reader.run(READ, town.maps / "c.csv") == "copied"
    assert "Permission denied" in reader.run(READ, writer.home / "private.csv")


@needs_root
def test_a_link_in_a_shared_folder_opens_nobodys_home(town: Town) -> None:
    mallory, victim = town.make_person("mallory@alpha", "steward"), town.make_person("ben@alpha", "admin")
    victim.run("os.mkdir('private'); open('private/secret.txt', 'w').write('secret')")
    secret = victim.home / "private" / "secret.txt"
    for name, target in (("file", secret), ("folder", secret.parent), ("home", victim.home)):
        mallory.run("os.symlink(sys.argv[1], sys.argv[2])", target, town.maps / name)
    assert "Error" in mallory.run("os.link(sys.argv[1], sys.argv[2])", secret, town.maps / "hard")
    before = _describe(victim.home)

    # The victim's own server walks through the folder, and root makes it anew.
    assert victim.run(HAND_DOWN_ALL, town.maps) == ""
    for name in ("file", "folder", "home"):
        victim.run(HAND_DOWN, town.maps / name)
    town.ensure()
    assert _describe(victim.home) == before
    for name in ("file", "folder/secret.txt", "home/private/secret.txt"):
        assert "Permission denied" in mallory.run(READ, town.maps / name)


def _describe(folder: Path) -> list[tuple[str, int, int, list[str]]]:
    paths = [folder, *sorted(folder.rglob("*"))]
    return [(str(path), path.stat().st_mode, path.stat().st_uid, os.listxattr(path)) for path in paths]


@needs_root
def test_a_file_with_a_second_name_at_home_stays_private(town: Town) -> None:
    writer, reader = town.make_person("anna@alpha", "steward"), town.make_person("ben@alpha", "analyst")
    writer.run(WRITE, "diary.txt", "dear diary")
    writer.run("os.link('diary.txt', sys.argv[1])", town.maps / "diary.txt")
    writer.run(HAND_DOWN_ALL, town.maps)
    assert "Permission denied" in reader.run(READ, town.maps / "diary.txt")


@needs_root
def test_a_folder_from_a_backup_is_opened_to_its_people_once_and_no_link_is_followed(town: Town) -> None:
    writer, reader = town.make_person("anna@alpha", "steward"), town.make_person("ben@alpha", "analyst")
    secret = writer.home / "restored.txt"
    writer.run(WRITE, secret, "secret")
    # As it is unpacked: root's, with no access list anywhere, and with what people had put there.
    shutil.rmtree(town.maps)
    (town.maps / "2024" / "deep").mkdir(mode=0o770, parents=True)
    file = town.maps / "2024" / "deep" / "a.txt"
    file.write_text("hier")
    (town.maps / "file").symlink_to(secret)
    (town.maps / "folder").symlink_to(writer.home)
    (town.maps / "second").hardlink_to(secret)
    os.mkfifo(town.maps / "2024" / "pipe")
    before = _describe(writer.home)
    assert "Permission denied" in reader.run(READ, file)

    town.ensure()
    assert _describe(writer.home) == before
    assert reader.run(READ, file) == "hier"
    assert "Permission denied" in reader.run(WRITE, file, "x")
    assert writer.run(WRITE, file, "dort") == "written"
    assert writer.run(WRITE, file.with_name("b.txt"), "later") == "written"
    assert reader.run(READ, file.with_name("b.txt")) == "later"
    assert not file.stat().st_mode & stat.S_IXUSR
    # What is moved in later stays private for root, too: that was for once.
    writer.run("open('own', 'w').close(); os.rename('own', sys.argv[1])", town.maps / "own")
    town.ensure()
    assert "Permission denied" in reader.run(READ, town.maps / "own")
    (town.maps / "second").unlink()


@needs_root
def test_a_pipe_does_not_hold_the_look_up(town: Town) -> None:
    mallory, victim = town.make_person("mallory@alpha", "steward"), town.make_person("ben@alpha", "admin")
    mallory.run("os.mkfifo(sys.argv[1]); os.chmod(sys.argv[1], 0o777)", town.maps / "pipe")
    assert victim.run(HAND_DOWN_ALL, town.maps) == ""


@needs_root
def test_a_folder_that_is_declared_no_more_gives_nobody_its_groups(town: Town) -> None:
    reader = town.make_person("ben@alpha", "analyst")
    less = dataclasses.replace(town.tenant, shared_folders=FOLDERS[1:])
    groups = shared_folders.list_groups(less, town.installation, ["analyst"])
    assert set(groups) < set(reader.groups)
    reader = dataclasses.replace(reader, groups=groups)
    assert reader.run("print(os.listdir(sys.argv[1]))", town.root / "alpha" / "vorlagen") == "[]"
    assert "Permission denied" in reader.run("os.listdir(sys.argv[1])", town.maps)


@needs_root
@pytest.mark.parametrize(
    ("roles", "count"),
    [
        ((), 0),
        (("analyst",), 2),
        (("publisher", "gatekeeper"), 2),
        (("steward",), 3),
        (("analyst", "admin"), 3),
    ],
)
def test_roles_become_groups(town: Town, roles: tuple[str, ...], count: int) -> None:
    assert len(shared_folders.list_groups(town.tenant, town.installation, roles)) == count


def test_groups_name_no_folder_and_differ_between_tenants_and_folders() -> None:
    from urbanlab.contract import naming

    pairs = [("alpha", "a"), ("alpha", "b"), ("beta", "a")]
    names = {naming.make_folder_group(*pair, access) for pair in pairs for access in ("read", "write")}
    assert len(names) == 6
    assert all(len(f"ulabcd-{name}") < 32 and "alpha" not in name for name in names)


@pytest.mark.parametrize(
    ("groups", "roles"),
    [
        ([], set()),
        (["/tenants/alpha/analyst", "/tenants/alpha/steward"], {"analyst", "steward"}),
        (["/tenants/beta/steward", "/services/reports", "/tenants/alpha/steward/x"], set()),
    ],
)
def test_only_the_own_tenants_groups_are_roles(groups: list[str], roles: set[str]) -> None:
    assert shared_folders.make_roles("alpha", groups) == roles


@pytest.mark.parametrize("name", ["karten", "Verkehr und Umwelt", "a-b_c", "Straßen 2025", "x" * 60])
def test_names_of_folders(name: str) -> None:
    assert shared_folders.check_folder_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".hidden", "a/b", "../beta", "a\0b", "a\n", "-rf", " a", "x" * 61, "a\u202eb", "a'b"],
)
def test_what_cannot_name_a_folder(name: str) -> None:
    with pytest.raises(NamingError, match="shared folder"):
        shared_folders.check_folder_name(name)


def test_without_accounts_the_folders_are_there_and_private(tmp_path: Path) -> None:
    shared_folders.ensure_shared_folders(tmp_path / "shared", _make_tenant(), None)
    assert {path.name for path in (tmp_path / "shared" / "alpha").iterdir()} == {"karten", "vorlagen"}
    assert stat.S_IMODE((tmp_path / "shared" / "alpha" / "karten").stat().st_mode) == 0o700
