"""Many dashboards at once: each asks for the page's tick over its own kept-alive connection at the page's interval."""

import asyncio
import gzip
import time
from multiprocessing import get_context
from multiprocessing.queues import Queue

import numpy as np

from app.shell.poll import SLOWEST_POLL_MS
from app.web.guard import TICK
from tests.benchmarks.page import Shown, request_body

INTERVAL_S = SLOWEST_POLL_MS / 1000  # of a page on the default cycle of 3 s


def poll(port: int, dashboards: int, seconds: float) -> list[float]:
    """Latencies in s of all ticks, measured from another process so that the client doesn't slow the server's."""
    context = get_context("spawn")
    answers: Queue[list[float]] = context.Queue()
    client = context.Process(target=_client, args=(port, dashboards, seconds, answers))
    client.start()
    latencies = answers.get(timeout=seconds + 60)
    client.join()
    return latencies


def _client(port: int, dashboards: int, seconds: float, answers: "Queue[list[float]]") -> None:
    answers.put(asyncio.run(_all(port, dashboards, seconds)))


async def _all(port: int, dashboards: int, seconds: float) -> list[float]:
    phases = np.random.default_rng(1).uniform(0, INTERVAL_S, dashboards)
    parts = await asyncio.gather(*(_dashboard(port, phase, seconds) for phase in phases))
    return [latency for part in parts for latency in part]


async def _dashboard(port: int, phase: float, seconds: float) -> list[float]:
    await asyncio.sleep(phase)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    latencies: list[float] = []
    shown = Shown()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        body = request_body(shown)
        head = (
            f"POST {TICK} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"Accept-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        began = time.perf_counter()
        writer.write(head.encode() + body)
        answer = await _answer(reader)
        latencies.append(time.perf_counter() - began)
        shown = shown.after(answer)
        await asyncio.sleep(max(0.0, INTERVAL_S - latencies[-1]))
    writer.close()
    return latencies


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """Body of the next answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    if " 200 " not in head.split("\r\n")[0]:
        raise RuntimeError(f"a tick was answered with {head.splitlines()[0]}")
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    body = await reader.readexactly(int(fields["content-length"]))
    return gzip.decompress(body) if fields.get("content-encoding") == "gzip" else body
