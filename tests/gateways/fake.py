"""A made-up gateway that does what a gateway should not: python3 fake.py PORT [HABIT...]"""

import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, habits = int(sys.argv[1]), sys.argv[2:]
ANSWER = {
    "id": "made-up",
    "object": "chat.completion",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
}
CHUNK = {
    "object": "chat.completion.chunk",
    "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}],
}


class Gateway(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(503 if "unready" in habits else 200, b"{}")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "dies" in habits:
            print("out of memory, with", self.headers["authorization"], flush=True)
            os._exit(7)
        if "hangs" in habits:
            print("asked", flush=True)
            time.sleep(100)
        if body.get("stream"):
            text = "data: %s\n\ndata: [DONE]\n\n" % json.dumps(CHUNK)
            self.answer(200, text.encode(), "text/event-stream")
        else:
            self.answer(200, json.dumps(ANSWER).encode())

    def answer(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


print("environment:", " ".join(sorted(os.environ)), flush=True)
if "works" in habits:
    # A worker burns the processor, and holds memory: 64 MB of it before the gateway is ready.
    work = "held = b'x' * (64 << 20)\nprint(flush=True)\nwhile True: pass"
    subprocess.Popen([sys.executable, "-c", work], stdout=subprocess.PIPE).stdout.readline()
if "forks" in habits:
    # A child, and a child of its own that has left its session and lost its parent.
    lost = "import subprocess, sys; subprocess.Popen(['sleep', '100'], start_new_session=True)"
    subprocess.Popen(["sleep", "100"])
    subprocess.Popen([sys.executable, "-c", lost]).wait()
if "stubborn" in habits:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "talks" in habits:
    for line in range(200_000):
        print("line", line, "of an endless log")
    sys.stdout.flush()
ThreadingHTTPServer(("127.0.0.1", port), Gateway).serve_forever()
