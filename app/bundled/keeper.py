"""Stops the bundled PostgreSQL once nobody uses it, however its users died.

`postgres.py` runs this file as a script (`python -I -S keeper.py <data directory> <pg_ctl> <uid> <gid>`) and hands it a
descriptor that holds `keeper.lock`. It imports nothing of the application: it sleeps for as long as the service lives
and should cost no more than a bare interpreter. The meaning of the locks is explained at the top of `postgres.py`.
"""

import fcntl
import os
import signal
import sys
import time

FAST_STOP_S = 60
GIVE_UP_S = 90
REPEAT_S = 1


def main(data_dir: str, pg_ctl: str, uid: int, gid: int) -> None:
    if os.fork():
        os._exit(0)  # the orphan is reaped by init, so no user of the server ever has it as a zombie child
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a service manager signals the whole group; this one leaves last
    locks = [f"{data_dir}/{name}.lock" for name in ("users", "start", "server")]
    users, start, server = (os.open(path, os.O_RDWR | os.O_CREAT, 0o600) for path in locks)
    wait_for_the_last_user(users, start)
    try:
        same = os.path.samestat(os.fstat(users), os.stat(f"{data_dir}/users.lock"))
    except FileNotFoundError:
        same = False
    if same:  # else the directory was removed; what may be in its place now has a keeper of its own
        stop(f"{data_dir}/pg", pg_ctl, uid, gid, server)


def wait_for_the_last_user(users: int, start: int) -> None:
    """Return holding both locks: nobody uses the server, and nobody can begin to before this process ends."""
    while True:
        fcntl.flock(users, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_UN)  # who starts holds start.lock and wants this one: never wait with it in hand
        fcntl.flock(start, fcntl.LOCK_EX)
        if try_lock(users):
            return
        fcntl.flock(start, fcntl.LOCK_UN)


def stop(cluster: str, pg_ctl: str, uid: int, gid: int, server: int) -> None:
    """Tell the server to stop, and wait until nothing is left of it."""
    began = told = time.monotonic()
    while not try_lock(server) and (now := time.monotonic()) < began + GIVE_UP_S:
        if now >= told and os.path.exists(f"{cluster}/postmaster.pid"):  # without it, initdb or a start is under way
            told = now + REPEAT_S
            tell("fast" if now < began + FAST_STOP_S else "immediate", cluster, pg_ctl, uid, gid)
        time.sleep(0.01)


def tell(mode: str, cluster: str, pg_ctl: str, uid: int, gid: int) -> None:
    if child := os.fork():  # not `subprocess`, whose import would cost more memory than all the rest
        os.waitpid(child, 0)
        return
    if os.geteuid() == 0:
        if os.path.exists("/proc/self/fd"):  # the account may not be able to enter the directories above its cluster
            descriptor = os.open(cluster, os.O_RDONLY | os.O_DIRECTORY)
            os.set_inheritable(descriptor, True)
            cluster = f"/proc/self/fd/{descriptor}"
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.execve(pg_ctl, [pg_ctl, "stop", "-s", "-W", "-m", mode], {**os.environ, "PGDATA": cluster})


def try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
