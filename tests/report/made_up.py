"""Results and measurements that are made up, of which sentences are made."""


def results(own, linear, majority, n=400, classes=2):
    names = [f"k{k}" for k in range(classes)]
    per = n // classes
    confusion = [[0] * classes for _ in names]
    for k in range(classes):
        confusion[k][k] = round(own * per)
        confusion[k][(k + 1) % classes] = per - round(own * per)
    part = {"sequences": n, "loss": 1.0, "classes": names, "confusion": confusion}
    accuracies = {"test": own, "linear": linear, "majority": majority}
    return {key: part | {"accuracy": a} for key, a in accuracies.items()}


def rows(losses, **more):
    return [{"loss": v, "gradient_norm": 0.5, "seconds": 1.0 + k,
             **{key: values[k] for key, values in more.items()}}
            for k, v in enumerate(losses)]  # fmt: skip


def curve(horizon=None, verdict="steady", rate=0.0, lags=99, last=0.5):
    return {"horizon": horizon, "verdict": verdict, "rate": rate, "lags": lags,
            "relative": [1.0, last]}  # fmt: skip


def moments(after=10, before=10, steps=100, start="end", **of_curve):
    layer = {"where": "layer 1 forward", "gradient": curve(**of_curve), "gates": {}}
    one = {"from": start, "layers": [layer]}
    return {
        "lengths": [steps, steps],
        "before": None if before is None else one | reach(before),
        "after": one | reach(after),
    }


def reach(steps):
    return {"reach": steps, "at_input": {"lag": [0], "relative": [1.0 if steps else 0.0]}}
