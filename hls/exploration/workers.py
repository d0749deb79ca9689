"""Where designs are synthesized: processes of this machine, or a Dask cluster; one interface."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any

from hls.errors import InputError, ToolNotFound
from hls.tools import unwinding

__all__ = ["cluster", "local"]

CONNECT_S = 10
"""How long a scheduler may take to answer."""


@contextmanager
def local(jobs: int) -> Iterator[Executor]:
    """`jobs` processes, which end with this one, however it ends, and their tools with them.

    They hold the end of a pipe that nobody writes to: it is closed when we are done, or dead.
    """
    context = multiprocessing.get_context("spawn")  # no threads or locks of ours in them
    theirs, ours = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(jobs, context, _attend, (theirs,))
    try:
        with unwinding():
            yield pool
            pool.shutdown()
    except BaseException:
        ours.close()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    finally:
        ours.close()
        theirs.close()


def _attend(pipe: Connection) -> None:
    """Of a worker: end when the pipe does, whatever is going on."""
    # The interrupt of a terminal reaches all its processes; ours answers it for all.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _give_up)
    threading.Thread(target=_watch, args=(pipe,), daemon=True).start()


def _give_up(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(1)


def _watch(pipe: Connection) -> None:
    try:
        pipe.recv()
    except (EOFError, OSError):
        # In the main thread this ends a tool that is running, and removes what it left.
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(5)
        os._exit(1)


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """The workers of a Dask scheduler, on which Lineloom is installed as it is here.

    Raises:
        ToolNotFound: the package distributed is missing, or no scheduler answers there.
        InputError: the address is none.
    """
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise ToolNotFound(
            f"--scheduler {address}: needs the Python package distributed, which is not "
            "installed; pip install 'lineloom[explore]'"
        ) from None
    if "://" not in address:
        raise InputError(f"--scheduler {address}: is no address; use one like tcp://10.0.0.1:8786")
    try:
        client = distributed.Client(address, timeout=CONNECT_S)
    except ValueError as error:
        raise InputError(f"--scheduler {address}: is no address ({error}); use one like "
                         "tcp://10.0.0.1:8786") from None  # fmt: skip
    except OSError as error:  # TimeoutError is one
        raise ToolNotFound(
            f"--scheduler {address}: nothing answers ({error}); start one with: dask scheduler"
        ) from None
    with client:
        # A cluster would answer a pure call from what it remembers, failures included.
        yield client.get_executor(pure=False)
