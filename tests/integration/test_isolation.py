"""Attacks from inside a kernel on another tenant's files, processes and memory, and on the platform's.

Each attack is aimed at the attacker first, where it must succeed, so that it is known to be one; then at the
other, where it must get nothing. The system that refuses them keeps no line of it (SECURITY.md).
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import psutil
import pytest

from tests.installation import Installation
from urbanlab_hub.settings import CHECKOUT

from .attackers import Person, make_person

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give servers accounts of their own")


@pytest.fixture(scope="module")
def attacker(installation: Installation) -> Iterator[Person]:
    """Somebody whose kernel runs hostile code."""
    with make_person(installation, "analyst-guetersloh") as person:
        yield person


@pytest.fixture(scope="module")
def neighbour(installation: Installation) -> Iterator[Person]:
    """Somebody of another tenant."""
    with make_person(installation, "analyst-rietberg") as person:
        yield person


# What each attack gets is the list that it prints.
ATTACKS = {
    "reading files": """
paths = [target["home"], target["home"] + "/.urbanlab-server.log", target["runtime"], target["connection"],
         target["shared"]]
def read(path):
    return os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(9)
print(json.dumps([path for path in paths if get(read, path)]))
""",
    "looking at files": """
paths = [target["home"] + "/.urbanlab-server.log", target["connection"], target["home"] + "/Kuratierte Notebooks"]
print(json.dumps([path for path in paths if os.path.lexists(path)]))
""",
    "writing and linking": """
home, name, mine = target["home"], target["shared"], tempfile.mkdtemp(dir=os.environ["HOME"])
calls = {
    "make": lambda: open(home + "/planted", "w").close(), "folder": lambda: os.mkdir(home + "/planted-folder"),
    "hard link": lambda: os.link(target["connection"], mine + "/link"),
    "append": lambda: open(target["connection"], "ab").close(),
    "times": lambda: os.utime(home), "mode": lambda: os.chmod(home, 0o700),
    "extended attribute": lambda: os.setxattr(home, "user.planted", b"x"),
    "rename": lambda: [os.rename(*way) for way in ((name, name + "-mine"), (name + "-mine", name))],
    "lock": lambda: __import__("fcntl").flock(open(target["connection"]), 2),
}
print(json.dumps([way for way, call in calls.items() if works(call)]))
""",
    "files by another way": """
names = [f"/proc/{pid}/{way}{target['home']}/.urbanlab-server.log" for pid in (target["kernel"], target["server"])
         for way in ("root", "cwd/../../../../../../..")]
names += [f"/proc/{target['kernel']}/cwd/.urbanlab-server.log"]
print(json.dumps([name for name in names if get(lambda: open(name, "rb").read(5))]))
""",
    "what the system says of processes": """
names = ("environ", "maps", "smaps", "mem", "auxv", "io", "syscall", "stack", "personality", "pagemap", "timers")
paths = [f"/proc/{target[kind]}/{name}" for kind in ("kernel", "server", "child") for name in names]
paths += [f"/proc/{target['kernel']}/task/{target['kernel']}/environ", f"/proc/{target['kernel']}/map_files"]
paths += [f"/proc/{target['kernel']}/{name}" for name in ("fd", "fdinfo", "ns/net")]
def read(path):
    if os.path.isdir(path):
        return os.listdir(path)
    return os.readlink(path) if "/ns/" in path else open(path, "rb").read(9)
print(json.dumps([path for path in paths if get(read, path)]))
""",
    "signals": """
pid = target["child"]
calls = {
    "kill": lambda: os.kill(pid, 0), "group": lambda: os.killpg(os.getpgid(target["kernel"]), 0),
    "pidfd": lambda: signal.pidfd_send_signal(os.pidfd_open(pid), 0),
    "continue": lambda: os.kill(pid, signal.SIGCONT),
}
print(json.dumps([name for name, call in calls.items() if works(call)]))
""",
    "another's scheduling and limits": """
import resource
pid = target["child"]
calls = {
    "nice": lambda: os.setpriority(os.PRIO_PROCESS, pid, 19), "affinity": lambda: os.sched_setaffinity(pid, {0, 1}),
    "limits": lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE),
    "scheduler": lambda: os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0)),
    "all of the account": lambda: os.setpriority(os.PRIO_USER, target["uid"], 19),
}
print(json.dumps([name for name, call in calls.items() if works(call)]))
""",
    "tracing": """
pid, got = target["child"], []
if libc.ptrace(0x4206, pid, 0, 0) == 0:  # seize
    got.append("seize")
    os.kill(pid, signal.SIGSTOP); os.waitpid(pid, 0x40000000)
    libc.ptrace(17, pid, 0, 0); os.kill(pid, signal.SIGCONT)
class Span(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
first = get(lambda: int(open(f"/proc/{pid}/maps").read().split("-")[0], 16)) or 0x400000
buffer = ctypes.create_string_buffer(8)
here, there = Span(ctypes.addressof(buffer), 8), Span(first, 8)
if libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) == 8:
    got.append("read memory")
handle = os.pidfd_open(pid)
if libc.syscall(438, handle, 0, 0) >= 0:  # pidfd_getfd
    got.append("take a file")
if libc.syscall(312, os.getpid(), pid, 0, 0, 0) >= 0:  # kcmp
    got.append("compare")
print(json.dumps(got))
""",
    "shared memory": """
got = [path for path in [target["shared"]] if get(lambda: open(path, "rb").read(3))]
libc.shmat.restype = ctypes.c_void_p
for segment in {libc.shmget(target["segment_key"], 0, 0o400), target["segment"]}:
    if segment >= 0 and libc.shmat(segment, 0, 0o10000) not in (None, ctypes.c_void_p(-1).value):
        got.append("segment")
print(json.dumps(got))
""",
    "sockets of kernels": """
mine = [line.split()[-1] for line in open("/proc/net/unix") if target["runtime"] + "/" in line]
def connect(path):
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect(path)
guessed = [target["connection"].removesuffix(".json") + f"-ipc-{number}" for number in range(1, 6)]
print(json.dumps([path for path in {*mine, *guessed} if works(connect, path)]))
""",
    "being root of a space of one's own": """
script = f"cat {target['home']}/.urbanlab-server.log; kill -0 {target['child']} && echo signalled"
done = subprocess.run(["unshare", "--user", "--map-root-user", "sh", "-c", script], capture_output=True, text=True)
print(json.dumps(done.stdout.split()[:5]))
""",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_on_another_gets_nothing(attacker: Person, neighbour: Person, name: str) -> None:
    assert attacker.attack(ATTACKS[name], attacker), "this attack would not notice success"
    assert attacker.attack(ATTACKS[name], neighbour) == []
    assert (
        neighbour.session.run("print(child.poll(), open(shared.name, 'rb').read())").text
        == "None b'secret'\n"
    )


# --- the platform ---

READ_ALL = """
def read(path):
    return os.listdir(path) or "empty" if os.path.isdir(path) else open(path, "rb").read(9) or "empty"
print(json.dumps([path for path in paths if get(read, path)]))
"""


def test_a_kernel_reads_nothing_of_the_platforms_state(installation: Installation, attacker: Person) -> None:
    state = installation.settings.state
    paths = [str(state), *(str(path) for depth in ("*", "*/*", "*/*/*") for path in state.glob(depth))]
    home = attacker.facts["home"]
    # The name of the installation is part of the accounts' names, which everybody sees.
    others = [path for path in paths if not path.startswith(home) and path != str(state / "installation")]
    assert len(others) > 100
    assert attacker.attack(READ_ALL, attacker, paths=[home]) == [home]
    assert attacker.attack(READ_ALL, attacker, paths=others) == []


def test_a_kernel_signals_traces_and_looks_into_no_process_but_its_own(attacker: Person) -> None:
    uid = attacker.facts["uid"]
    others = [process.pid for process in psutil.process_iter(["uids"]) if process.info["uids"].real != uid]
    code = """
got = []
for pid in pids:
    got += [[pid, "signal"]] if works(os.kill, pid, 0) else []
    got += [[pid, "environment"]] if get(lambda: open(f"/proc/{pid}/environ", "rb").read(1)) else []
    got += [[pid, "trace"]] if libc.ptrace(0x4206, pid, 0, 0) == 0 else []
print(json.dumps(got))
"""
    assert len(attacker.attack(code, attacker, pids=[attacker.facts["child"]])) == 3
    assert attacker.attack(code, attacker, pids=others) == []


def test_a_kernel_can_change_nothing_that_others_run(installation: Installation, attacker: Person) -> None:
    settings = installation.settings
    places = [str(path) for path in (CHECKOUT, settings.parts, settings.state) if path.exists()]
    code = """
command = ["find", *places, "-xdev", "-not", "-type", "l", "-writable", "-not", "-user", str(os.getuid()), "-print"]
print(json.dumps(subprocess.run(command, capture_output=True, text=True).stdout.split("\\n")[:-1]))
"""
    assert "/tmp" in attacker.attack(code, attacker, places=["/tmp"])
    assert attacker.attack(code, attacker, places=places) == []


def test_a_program_gains_no_privilege(attacker: Person) -> None:
    code = """
status = dict(line.rstrip("\\n").split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
ways = (["su", "root", "-s", "/bin/sh", "-c", "id -u"], ["mount", "-t", "tmpfs", "none", os.environ["HOME"]],
        ["unshare", "--net", "id", "-u"], ["setpriv", "--reuid=0", "id", "-u"], ["chroot", "/", "id", "-u"],
        ["newgrp", "root"], ["systemd-run", "--user", "id", "-u"], ["sh", "-c", "echo x > /proc/sysrq-trigger"])
def run(way):
    try:
        return subprocess.run(way, stdin=subprocess.DEVNULL, capture_output=True, timeout=20).returncode
    except FileNotFoundError:
        return "absent"
done = [way[0] for way in ways if run(way) == 0]
print(json.dumps([status["NoNewPrivs"], status["CapEff"], done]))
"""
    assert attacker.attack(code, attacker) == ["1", "0" * 16, []]


def test_a_crash_leaves_no_memory_behind(attacker: Person) -> None:
    code = """
folder = tempfile.mkdtemp(dir=os.environ["HOME"])
import resource
limits = works(resource.setrlimit, resource.RLIMIT_CORE, (-1, -1))
subprocess.run([sys.executable, "-c", "import os; os.abort()"], cwd=folder, stderr=subprocess.DEVNULL)
print(json.dumps([limits, os.listdir(folder)]))
"""
    assert attacker.attack(code, attacker) == [False, []]


# --- places that all share ---


def test_servers_leave_nothing_where_all_can_write(
    installation: Installation, attacker: Person, neighbour: Person
) -> None:
    # A checkpoint of what lies in a folder that is not the person's own goes elsewhere than beside it.
    for person in (attacker, neighbour):
        folder = person.session.ask_server("GET", "api/contents/Kuratierte Notebooks").json()
        first = person.session.ask_server("GET", f"api/contents/{folder['content'][0]['path']}").json()[
            "content"
        ]
        notebook = next(item["path"] for item in first if item["type"] == "notebook")
        # As JupyterLab asks whenever it opens a notebook.
        listed = person.session.ask_server("GET", f"api/contents/{notebook}/checkpoints")
        assert listed.status_code == 200, listed.text
    uids = {attacker.facts["uid"], neighbour.facts["uid"]}
    ours = [attacker.facts["shared"], neighbour.facts["shared"]]
    left = [entry.path for place in ("/tmp", "/var/tmp", "/dev/shm") for entry in os.scandir(place)
            if entry.stat(follow_symlinks=False).st_uid in uids and entry.path not in ours]  # fmt: skip
    assert left == []


def test_no_name_of_another_tenants_people_can_be_seen(attacker: Person, neighbour: Person) -> None:
    code = """
folders = ("/tmp", "/var/tmp", "/dev/shm", "/run")
def gather():
    yield from ((path, get(lambda: open(path, "rb").read().decode("utf-8", "replace")) or "") for path in (
        "/etc/passwd", "/etc/group", "/proc/net/unix", "/proc/mounts", "/proc/locks", "/proc/sysvipc/shm"))
    yield from ((path, get(lambda: open(path).read()) or "") for path in glob.glob("/proc/[0-9]*/cmdline"))
    yield from ((folder, " ".join(get(os.listdir, folder) or [])) for folder in folders)
print(json.dumps([[place, name] for place, text in gather() for name in names if name in text]))
"""
    person, _, tenant = neighbour.facts["hub_user"].partition("@")
    names = [person, person[:10], tenant, os.path.basename(neighbour.facts["home"])]
    marks = ["root:x:0:0"]
    assert attacker.attack(code, attacker, names=marks) == [["/etc/passwd", marks[0]]]
    found = attacker.attack(code, attacker, names=names)
    # An account has a name; whose it is must not be readable in it.
    assert [each for each in found if each[1] != names[3]] == []
