"""Two processes at once on the cores that one of them would use.

    python benchmarks/two_processes.py

The time of a pass of an LSTM where two processes run, over its time where one does: 2 is fair, as
each gets half of the machine; 1 where a process leaves the other what it does not use itself.
float32, as many threads as there are cores in each process.
"""

import os
import statistics
import subprocess
import sys

SHAPES = ["100,1,32,64", "1000,1,16,64", "100,1,128,256", "1000,8,16,64", "100,32,32,64"]
ROUNDS = 3
CHILD = """
import sys, time, torch
from throughtime import nn
threads, training = int(sys.argv[1]), sys.argv[2] == "training"
T, B, I, H = map(int, sys.argv[3].split(","))
torch.set_num_threads(threads)
layer, x, gradient = nn.LSTM(I, H), torch.randn(T, B, I), torch.randn(T, B, H)
def run():
    with torch.set_grad_enabled(training):
        layer.zero_grad()
        y, _ = layer(x)
        if training:
            y.backward(gradient)
for _ in range(3):
    run()
print("ready", flush=True)
sys.stdin.readline()
begin, count = time.perf_counter(), 0
while time.perf_counter() - begin < 1:
    run()
    count += 1
print((time.perf_counter() - begin) / count)
"""


def seconds(processes: int, *arguments: str) -> float:
    """Of a pass, in the slowest of so many processes."""
    threads = str(os.cpu_count() or 1)
    children = [
        subprocess.Popen([sys.executable, "-c", CHILD, threads, *arguments], text=True,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(processes)
    ]  # fmt: skip
    for child in children:
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    return max(float(child.communicate()[0]) for child in children)


if __name__ == "__main__":
    print("T,B,I,H           inference  training")
    for shape in SHAPES:
        ratios = []
        for kind in ("inference", "training"):
            pairs = [(seconds(2, kind, shape), seconds(1, kind, shape)) for _ in range(ROUNDS)]
            ratios.append(statistics.median(two / one for two, one in pairs))
        print(f"{shape:17} {ratios[0]:9.2f} {ratios[1]:9.2f}", flush=True)
