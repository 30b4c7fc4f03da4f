"""A case: a cell, and a call of a layer of it, written as a script that can be pasted and run."""

from dataclasses import dataclass

from fuzz.recipe import Recipe

# x from `base`, whose gradient is compared: how it lies in memory
LAYOUTS = {
    "plain": ("T, B, I", "base"),
    "turned": ("B, T, I", "base.transpose(0, 1)"),
    "every other": ("T, B, 2 * I", "base[..., ::2]"),
    "a part": ("T, B, I + 3", "base[..., 2 : I + 2]"),
    "one row for all": ("T, 1, I", "base.expand(T, B, I)"),
    "one step for all": ("1, B, I", "base.expand(T, B, I)"),
    "columns first": ("I, T, B", "base.permute(1, 2, 0)"),
}
# which parameters ask for no gradient
FROZEN = {
    "none": "False",
    "all": "True",
    "weights": "p.dim() == 2",
    "vectors": "p.dim() == 1",
    "initial": "'initial' in name",
    "some": "hash_of(name) % 2 == 0",
}


@dataclass(frozen=True)
class Case:
    """What is run; the fields are options of `Recurrent` and of its call, or:

    - `lengths`: of each sequence, or None; what stands behind is nan with `dirty`.
    - `given`: whether a state is given; `initial`: `Recurrent`'s, "tensor" being one of each state.
    - `layout`: see `LAYOUTS`; `frozen`: see `FROZEN`.
    - `wants`: of x and the given state, which ask for a gradient.
    - `split`: how the CPU engine cuts the call up, see `Split` of native/engine.h, or None.
    - `scale`: of the parameters.
    - `reads`: the outputs in the loss; `plain_sum`: their sum, whose gradient has strides 0.
    """

    recipe: Recipe
    T: int = 3
    B: int = 2
    seed: int = 0
    dtype: str = "float64"
    direction: str = "forward"
    merge: str = "concat"
    layers: int = 1
    initial: str = "zeros"
    batch_first: bool = False
    recompute: bool = False
    variational_dropout: float = 0.0
    zoneout: float = 0.0
    weight_drop: float = 0.0
    training: bool = True
    lengths: tuple[int, ...] | None = None
    dirty: bool = False
    resets: bool = False
    given: bool = False
    layout: str = "plain"
    frozen: str = "none"
    wants: tuple[str, ...] = ("x", "state")
    reads: tuple[str, ...] = ("y",)
    plain_sum: bool = False
    threads: int = 1
    split: tuple[int, bool, int, int, int] | None = None
    no_grad: bool = False
    scale: float = 0.5

    @property
    def directions(self) -> int:
        return 2 if self.direction == "both" else 1

    @property
    def every_state(self) -> bool:
        return any(read.startswith("states") for read in self.reads)

    def outputs(self) -> list[str]:
        """All that a call can return, as expressions."""
        directions = [(k, d, n) for k in range(self.layers) for d in range(self.directions)
                for n in self.recipe.states]  # fmt: skip
        return ["y", *(f'final[{k}][{d}]["{n}"]' for k, d, n in directions),
                *(f'states[{k}][{d}]["{n}"]' for k, d, n in directions)]  # fmt: skip

    def script(self, engine: str | None) -> str:
        """A file that runs the case: what it leaves behind is `outputs` and gradients."""
        shape, view = LAYOUTS[self.layout]
        hidden = next(iter(self.recipe.widths.values()))
        options = [f"engine={engine!r}", f"dtype=torch.{self.dtype}"]
        for name, default in _OPTIONS.items():
            if (value := getattr(self, name)) != default:
                options.append(f"{name}={value!r}")
        lines = ["import torch", "import torch.nn.functional as F", "",
                 "from throughtime import Cell, Recurrent, affine, mask, noise, parameter", "", "",
                 self.recipe.cell(), "", ""]  # fmt: skip
        lines += [
            f"T, B, I = {self.T}, {self.B}, {self.recipe.sizes['x']}",
            f"torch.manual_seed({self.seed})",
        ]
        if self.threads > 1:
            lines.append(f"torch.set_num_threads({self.threads})")
        if self.split is not None:
            lines += [
                "from throughtime.engines import ENGINES",
                "from throughtime.engines.cpu import CPU",
                f"ENGINES[0] = CPU(split={self.split})",
            ]
        start = f'"{self.initial}"'
        if self.initial == "tensor":
            lines.append(
                f"start = {{n: torch.randn(w, dtype=torch.{self.dtype}) "
                f"for n, w in Found.states.items()}}"
            )
            start = "start"
        lines.append(
            f"layer = Recurrent(Found, I, {hidden}, initial_state={start}, {', '.join(options)})"
        )
        if not self.training:
            lines.append("layer.eval()")
        lines.append("for name, p in layer.named_parameters():")
        lines.append(f"    torch.nn.init.normal_(p, std={self.scale} / p.shape[-1] ** 0.5)")
        if self.frozen != "none":
            frozen = FROZEN[self.frozen].replace("hash_of(name)", "sum(map(ord, name))")
            lines.append(f"    p.requires_grad_(not ({frozen}))")
        lines.append(f"base = torch.randn({shape}, dtype=torch.{self.dtype})")
        if "x" in self.wants:
            lines.append("base.requires_grad_()")
        lines.append(f"x = {view}")
        call = ["x"]
        if self.lengths is not None:
            call.append(f"lengths={list(self.lengths)}")
            if self.dirty:
                lines += [
                    f"real = torch.arange(T)[:, None] < torch.tensor({list(self.lengths)})",
                    "x = x.masked_fill(~real[..., None], torch.nan)",
                ]
        lines.append("state = None")
        if self.given:
            directions = f"[[{{n: torch.randn(B, w, dtype=torch.{self.dtype}) for n, w in " \
                   f"Found.states.items()}} for _ in range({self.directions})] " \
                   f"for _ in range({self.layers})]"  # fmt: skip
            lines.append(f"state = {directions}")
            if "state" in self.wants:
                lines += ["for ways in state:", "    for way in ways:",
                          "        [s.requires_grad_() for s in way.values()]"]  # fmt: skip
            call.append("state=state")
        lines.append("resets = None")
        if self.resets:
            lines.append("resets = torch.rand(T, B) < 0.3")
            call.append(f"resets=resets{'.t()' if self.batch_first else ''}")
        if self.batch_first:
            call[0] = "x.transpose(0, 1)"
        found = "y, final"
        if self.every_state:
            found = "y, final, states"
            call.append("return_states=True")
        if self.no_grad:
            lines.append("with torch.no_grad():")
        lines.append(f"{'    ' * self.no_grad}{found} = layer({', '.join(call)})")
        weights = "1.0" if self.plain_sum else "torch.randn_like(o)"
        lines += [
            f"outputs = [{', '.join(self.reads)}]",
            f"weights = [{weights} for o in outputs]",
            "loss = sum((o * w).sum() for o, w in zip(outputs, weights))",
            "if loss.requires_grad:",
            "    loss.backward()",
        ]
        return "\n".join(lines) + "\n"


_OPTIONS = {
    "direction": "forward", "merge": "concat", "layers": 1, "batch_first": False,
    "recompute": False, "variational_dropout": 0.0, "zoneout": 0.0, "weight_drop": 0.0,
}  # fmt: skip
