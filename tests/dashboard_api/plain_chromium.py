"""A Chromium that is told only what it is asked through its DevTools protocol, and records nothing.

Playwright has the browser keep every answer of the network for its reader: the renderer grows by that, some 20 kB an
answer, and what a page itself holds cannot be seen beside it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
import urllib.request
from pathlib import Path

import numpy as np
from websockets.sync.client import connect

ANSWER_S = 300.0
DATA = ["array", "closure", "concatenated string", "number", "object", "regexp", "sliced string", "string", "symbol"]


class PlainPage:
    """The one page of a browser of its own."""

    def __init__(self, program, flags, folder, size):
        self._size = size
        arguments = [*flags, "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={folder}"]
        self._process = subprocess.Popen(
            [program, *arguments, "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        told = Path(folder) / "DevToolsActivePort"
        while not told.exists() or not told.read_text(encoding="ascii").strip():
            assert self._process.poll() is None, "Chromium has ended"
            time.sleep(0.05)
        port = told.read_text(encoding="ascii").split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
            targets = [target for target in json.load(answer) if target["type"] == "page"]
        self._socket = connect(targets[0]["webSocketDebuggerUrl"], max_size=None)
        self._n_sent = 0

    def close(self):
        self._socket.close()
        self._process.terminate()
        self._process.wait(20)

    def send(self, method, **parameters):
        """One command of the protocol; what it answers."""
        return self._send(method, parameters, None)

    def _send(self, method, parameters, chunks):
        self._n_sent += 1
        self._socket.send(json.dumps({"id": self._n_sent, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(ANSWER_S))
            if chunks is not None and "chunk" in (told := answer.get("params", {})):
                chunks.append(told["chunk"])
            if answer.get("id") == self._n_sent:
                assert "error" not in answer, (method, answer)
                return answer["result"]

    def evaluate(self, expression):
        """The value of an expression, of a promise once it is kept."""
        answer = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, expression, seconds=60.0):
        until = time.monotonic() + seconds
        while not self.evaluate(expression):
            assert time.monotonic() < until, expression
            time.sleep(0.1)

    def open(self, address, script):
        """Open an address whose page runs ``script`` before its own."""
        self.send("Page.enable")
        self.send("Performance.enable")
        width, height = self._size
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.send("Page.addScriptToEvaluateOnNewDocument", source=script)
        self.send("Page.navigate", url=address)

    def heap_bytes(self):
        """Bytes of the page's heap that are in use, after two collections of garbage."""
        self.send("HeapProfiler.collectGarbage")
        self.send("HeapProfiler.collectGarbage")
        return self.send("Runtime.getHeapUsage")["usedSize"]

    def data_bytes(self):
        """Bytes of the page's own objects, arrays, closures and texts: its heap without what the engine compiled."""
        chunks = []
        self._send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False}, chunks)
        snapshot = json.loads("".join(chunks))
        about = snapshot["snapshot"]["meta"]
        nodes = np.array(snapshot["nodes"], dtype=np.int64).reshape(-1, len(about["node_fields"]))
        kinds = np.array(about["node_types"][0])[nodes[:, about["node_fields"].index("type")]]
        return int(nodes[np.isin(kinds, DATA), about["node_fields"].index("self_size")].sum())

    def told(self):
        """What the page holds beside its heap: nodes, listeners, and the largest renderer's resident memory [MB]."""
        metrics = {one["name"]: round(one["value"]) for one in self.send("Performance.getMetrics")["metrics"]}
        return f"{metrics['Nodes']} nodes, {metrics['JSEventListeners']} listeners, renderer {self.resident_mb()} MB"

    def resident_mb(self):
        """Resident memory of the page's renderer, the largest of this browser [MB]."""
        sizes = [0]
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (process / "cmdline").read_bytes()
                if b"--type=renderer" in command and self._is_mine(process):
                    pages = int((process / "statm").read_text(encoding="ascii").split()[1])
                    sizes.append(pages * os.sysconf("SC_PAGESIZE"))
        return round(max(sizes) / 1e6)

    def _is_mine(self, process):
        """Whether a process descends from this browser."""
        for _ in range(6):
            parent = (process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
            if int(parent) == self._process.pid:
                return True
            process = Path("/proc") / parent
        return False
