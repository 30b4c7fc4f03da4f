"""A table on which a plain RNN fails: the class is the first symbol, then come 80 steps of noise.

    throughtime train copy_task.csv --sequence run --time step --label first \
        --cell RNN --hidden 32 --direction forward --pooling last --epochs 15

The report of that run says why: the gradient of the loss does not reach the first step.
"""

import csv
import random

LENGTH = 80
random.seed(0)
with open("copy_task.csv", "w", newline="") as file:
    table = csv.writer(file)
    table.writerow(["run", "step", "symbol", "noise", "first"])
    for run in range(500):
        first = random.choice(["a", "b"])
        for step in range(LENGTH):
            symbol = {"a": 1, "b": -1}[first] if step == 0 else 0
            table.writerow([run, step, symbol, f"{random.gauss(0, 1):.3f}", first])
print(f"copy_task.csv: 500 sequences of {LENGTH} steps")
