"""What to write in a cell in place of what has no meaning in a program."""

_PARTS = (
    'Write one map for each part, `affine("a", h, x)` and `affine("b", h, x)`: they run as one '
    "product all the same."
)
_TOGETHER = (
    'An affine map takes several operands: write `affine("name", x, h)` for W·[x, h] + b, or two '
    "states in place of a wide one."
)
_PRODUCT = 'Write `affine("name", x)` for W·x + b; its weight is learned.'
_SHARES = (
    "Write `e = torch.exp(z - torch.mean(z, dim=-1, keepdim=True))`, then "
    "`e / torch.sum(e, dim=-1, keepdim=True)`."
)
_LOG_SHARES = (
    "Write `e = z - torch.mean(z, dim=-1, keepdim=True)`, then "
    "`e - torch.log(torch.sum(torch.exp(e), dim=-1, keepdim=True))`."
)
_NUMBER = "Write the number itself, such as `1 - z`: it fits every width."
_ROW = "A symbol is one row of units, whatever the batch is: leave it out."
_OVER_UNITS = (
    "Over the units of a row there are `torch.mean`, `torch.var` and `torch.sum`, each with "
    "`dim=-1, keepdim=True`; of two symbols `torch.maximum` and `torch.minimum`."
)

_HINTS = {
    _PARTS: ("chunk", "split", "tensor_split", "hsplit", "unbind", "narrow", "index_select",
             "gather", "select", "take"),
    _TOGETHER: ("cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack"),
    _PRODUCT: ("matmul", "mm", "bmm", "mv", "dot", "inner", "linear", "bilinear", "einsum",
               "addmm", "baddbmm", "tensordot"),
    _SHARES: ("softmax",),
    _LOG_SHARES: ("log_softmax",),
    _NUMBER: ("zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full"),
    _ROW: ("view", "reshape", "flatten", "squeeze", "unsqueeze", "transpose", "permute", "t", "T",
           "mT", "expand", "expand_as", "repeat", "contiguous", "clone", "to", "float", "double",
           "half", "type_as", "cuda", "cpu"),
    _OVER_UNITS: ("max", "min", "amax", "amin", "prod", "logsumexp", "cumsum", "sort", "argmax",
                  "argmin", "topk", "median"),
    "Write `torch.sqrt(torch.sum(z * z, dim=-1, keepdim=True))`.": ("norm", "vector_norm"),
    "Write `torch.var(z, dim=-1, keepdim=True)` and `torch.sqrt` of it.": ("std",),
    "Write `z * throughtime.mask(0.9) / 0.9` for a rate of 0.1, or give `Recurrent` its "
    "`variational_dropout` or `zoneout`.": ("dropout", "feature_dropout", "alpha_dropout"),
    "Write `throughtime.noise()`: standard normal, drawn anew at each step.": ("randn_like",),
    "Write `throughtime.mask(probability)`, drawn anew at each step.": ("bernoulli",),
    "A gradient goes through all of a program: leave it out.": ("detach", "detach_"),
    "The size of a symbol is `.width`.": ("shape", "size", "dim", "ndim", "numel"),
}  # fmt: skip
HINTS = {name: hint for hint, names in _HINTS.items() for name in names}
