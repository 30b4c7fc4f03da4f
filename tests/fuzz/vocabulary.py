"""What the lines of a random cell may say: every operation, finite for finite values."""

ONE = (  # of one row
    "torch.tanh({0})",
    "torch.sigmoid({0})",
    "torch.relu({0})",
    "torch.sin({0})",
    "torch.cos({0})",
    "torch.abs({0})",
    "torch.neg({0})",
    "torch.erf({0})",
    "torch.sign({0})",
    "torch.square({0})",
    "torch.reciprocal({0} * {0} + 0.7)",
    "torch.rsqrt(torch.abs({0}) + 0.3)",
    "torch.exp(torch.tanh({0}))",
    "torch.log(torch.abs({0}) + 0.4)",
    "torch.sqrt(torch.abs({0}) + 0.1)",
    "torch.clamp({0}, -0.5, 0.7)",
    "torch.clamp({0}, min=-0.2)",
    "torch.clamp({0}, max=0.4)",
    "(torch.abs({0}) + 0.5) ** 1.5",
    "{0} ** 2",
    "{0} ** 3",
    "2.0 ** torch.tanh({0})",
    "1 - {0}",
    "0.5 * {0}",
    "{0} + 0.25",
    "{0} / 3",
    "1 / (torch.abs({0}) + 1)",
    "F.leaky_relu({0})",
    "F.leaky_relu({0}, 0.2)",
    "F.elu({0})",
    "F.elu({0}, alpha=0.6)",
    "F.selu({0})",
    "F.gelu({0})",
    'F.gelu({0}, approximate="tanh")',
    "F.silu({0})",
    "F.mish({0})",
    "F.softplus({0})",
    "F.softplus({0}, 2.0, 1.0)",
    "F.softsign({0})",
    "F.logsigmoid({0})",
    "F.hardsigmoid({0})",
    "F.hardswish({0})",
    "F.hardtanh({0})",
    "F.hardtanh({0}, -0.4, 0.9)",
    "F.relu6({0})",
    "F.tanhshrink({0})",
)
GATES = ("torch.tanh({0})", "torch.sigmoid({0})", "torch.sin({0})", "F.hardtanh({0})",
         "F.softsign({0})", "F.hardsigmoid({0})", "torch.erf({0})")  # fmt: skip
TWO = (  # of two rows
    "{0} + {1}",
    "{0} - {1}",
    "{0} * {1}",
    "{0} * {1}",
    "{0} / (1.5 + torch.tanh({1}))",
    "(torch.abs({0}) + 0.5) ** torch.tanh({1})",
    "torch.maximum({0}, {1})",
    "torch.minimum({0}, {1})",
    "torch.clamp({0}, min={1})",
    "{0} * (1 - torch.sigmoid({1}))",
    "torch.lerp({0}, {1}, 0.3)",
    "torch.sigmoid({0}) * {1}",
    "{0} * {0} + {1}",
)
THREE = (
    "torch.lerp({0}, {1}, torch.sigmoid({2}))",
    "{0} * {1} + {2}",
    "{0} * {1} + (1 - {0}) * {2}",
)
REDUCTIONS = (
    "torch.sum({0}, dim=-1, keepdim=True)",
    "torch.mean({0}, dim=-1, keepdim=True)",
    "torch.var({0}, dim=-1, correction=0, keepdim=True)",
)
NORMS = ("F.layer_norm({0}, ({size},))", "F.layer_norm({0}, ({size},), {1}, {2})")
COMPARED = (  # of one row with a number
    "{0} > 0",
    "{0} < 0.1",
    "{0} >= -0.2",
    "{0} <= 0.3",
    "0.2 < {0}",
    "torch.logical_not({0} > 0.2)",
)
COMPARED_TWO = ("{0} > {1}", "{0} < {1}", "{0} >= {1}", "{0} <= {1}", "torch.gt({0}, {1})")
EXACT = ("{0} == 1", "{0} != 0", "{0} > 0", "{0} < 0.5", "{0} == 0")  # of masks
NOT = ("~{0}", "torch.logical_not({0})")
BOTH = ("{0} & {1}", "{0} | {1}", "torch.logical_and({0}, {1})", "torch.logical_or({0}, ~{1})")
CHOSEN = (  # of a condition and two rows
    "torch.where({0}, {1}, {2})",
    "torch.where({0}, {2}, -{1})",
    "{1}.where({0}, {2})",
)
CHOSEN_ONE = (  # of a condition and a row
    "torch.where({0}, {1}, -{1})",
    "torch.where({0}, {1}, 0.5)",
    "torch.where({0}, 0.25, {1})",
    "{0} * {1}",
    "{1} * {0}",
    "{1} + {0}",
)
CHOSEN_NUMBERS = ("torch.where({0}, 1.0, 0.0)", "torch.where({0}, 0.5, -2.0)")
RANDOM = ("noise({size})", "mask(0.5, {size})", "mask(0.7, {size}, fixed=True)",
          "mask(0.4, {size})")  # fmt: skip
NUMBERS = ("0.0", "0.5", "1")
