"""A table of sequences of different lengths: written, read, fitted, evaluated."""

import csv
import math
import random

import torch

import throughtime
from throughtime import LSTM, Model, Recurrent
from throughtime.data import read_table, split

random.seed(0)
with open("pumps.csv", "w", newline="") as file:
    table = csv.writer(file)
    table.writerow(["run", "minute", "pressure", "flow", "turn"])
    for run in range(120):
        turn = random.choice(["left", "right"])
        phase, sign = random.uniform(0, 6.28), {"left": 1, "right": -1}[turn]
        for minute in range(random.randint(8, 24)):
            angle = phase + sign * minute / 2
            pressure = math.cos(angle) + random.gauss(0, 0.1)
            flow = math.sin(angle) + random.gauss(0, 0.1)
            table.writerow([run, minute, pressure, flow, turn])

data = read_table("pumps.csv", sequence="run", time="minute", label="turn")
train, test = split(data, 0.25, seed=0)
print(train)

torch.manual_seed(0)
model = Model(Recurrent(LSTM, 2, 16), classes=train.classes, channels=train.channels)
throughtime.fit(model, train, epochs=15, learning_rate=0.02)
scores = throughtime.evaluate(model, test)
print(f"accuracy {scores.accuracy:.3f} on {scores.sequences} sequences")
print(scores.confusion)
