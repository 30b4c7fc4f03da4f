"""The output network of a forecasting model: quantiles of all steps ahead at once.

The answer is a linear map of the last values and the known inputs, fitted in closed form before
training, and what the recurrent layers add to it. So a model begins as a linear autoregression, and
learns what such a one cannot say.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from throughtime.tasks import quantiles
from throughtime.training.ahead_encoder import AheadEncoder, Side

MANY = 32  # texts of a category from which on the linear map does not see it
WITHIN = 8  # columns of what the layers say that each step ahead is weighed with


class AheadOutput(nn.Module):
    """From `shown (N, W)` and a `Side` of the same steps to quantiles `(N, K * H * Q)`, in the
    units of the targets.

    **Arguments:** `width`: W; `encoder`: of the model, which says what of the future is asked.
    """

    def __init__(self, width: int, encoder: AheadEncoder, inner: int = 32) -> None:
        super().__init__()
        self._encoder = (encoder,)  # not a part of this module
        ahead = encoder.ahead
        self.levels = ahead.levels
        K, H, Q = len(ahead.targets), ahead.horizon, len(ahead.levels)
        self.shape = (K, H, Q)
        self.texts = [
            len(encoder.texts[name]) + 1 if name in encoder.texts else 0 for name in ahead.known
        ]
        self.register_buffer("linear", torch.zeros(K, H, ahead.lags + self.linear_width()))
        self.register_buffer("wider", torch.ones(()))
        self.spread = nn.Parameter(torch.zeros(K, H, Q))
        self.change = nn.Linear(width, K * H * Q)
        nn.init.zeros_(self.change.weight)
        nn.init.zeros_(self.change.bias)
        self.known: nn.Module | None = None
        if ahead.known:
            self.told = nn.Linear(width, WITHIN)
            self.embedded = nn.ModuleList(
                nn.Embedding(k, min(16, k // 2 + 1)) if k else nn.Identity() for k in self.texts
            )
            columns = sum(2 * (min(16, k // 2 + 1) if k else 1) for k in self.texts)
            self.known = nn.Sequential(
                nn.Linear(WITHIN + K + columns, inner), nn.ReLU(), nn.Linear(inner, K * Q)
            )
            nn.init.zeros_(self.known[2].weight)  # type: ignore[arg-type]
            nn.init.zeros_(self.known[2].bias)  # type: ignore[arg-type]

    linear: Tensor
    wider: Tensor

    @property
    def encoder(self) -> AheadEncoder:
        return self._encoder[0]

    def forward(self, shown: Tensor, told: Side) -> Tensor:
        K, H, _ = self.shape
        linear = self.from_linear(told)
        raw = self.change(shown).unflatten(-1, self.shape) + self.spread
        if self.known is not None:
            raw = raw + self._of_known(shown, told, linear)
        q = quantiles.ordered(raw.flatten(-3), self.levels).unflatten(-2, (K, H))
        if not self.training:  # what it was fitted on it knows better than anything else
            middle = q[..., quantiles.middle(self.levels), None]
            q = middle + self.wider * (q - middle)
        relative = q + linear[..., None]
        values = told.level[..., None, None] + told.unit[..., None, None] * relative
        return self.encoder.back(values.flatten(-2)).flatten(-2)

    def from_linear(self, told: Side) -> Tensor:
        """What the linear map says, in units from the level, `(N, K, H)`."""
        lags, others = (
            self.linear[..., : told.lags.shape[-1]],
            self.linear[..., told.lags.shape[-1] :],
        )
        says = torch.einsum("...kl,khl->...kh", told.lags, lags)
        return says + torch.einsum("...hf,khf->...kh", self.linear_inputs(told), others)

    def linear_width(self) -> int:
        """The columns of `linear_inputs`."""
        return 1 + sum(2 if not k else k if k <= MANY else 0 for k in self.texts)

    def linear_inputs(self, told: Side) -> Tensor:
        """What the linear map sees beside the lags, `(N, H, F)`: 1, then of each known number its
        value and its change since the season before, of each category 0 or 1 for each text."""
        columns = [torch.ones_like(told.lags[..., :1, :1]).expand(*told.leads.shape[:-1], 1)]
        for i, texts in enumerate(self.texts):
            lead = told.leads[..., i]
            if not texts:
                columns += [lead[..., None], (lead - told.then[..., i])[..., None]]
            elif texts <= MANY:
                columns.append(F.one_hot(lead.long(), texts).to(lead.dtype))
        return torch.cat(columns, -1)

    def _of_known(self, shown: Tensor, told: Side, linear: Tensor) -> Tensor:
        K, H, Q = self.shape
        columns = [self.told(shown)[..., None, :].expand(*shown.shape[:-1], H, -1)]
        columns.append(linear.transpose(-1, -2))
        for i, (texts, embedded) in enumerate(zip(self.texts, self.embedded, strict=True)):
            for of in (told.leads[..., i], told.then[..., i]):
                columns.append(embedded(of.long()) if texts else of[..., None])
        assert self.known is not None
        return self.known(torch.cat(columns, -1)).unflatten(-1, (K, Q)).transpose(-3, -2)

    @torch.no_grad()
    def begin(self, errors: Tensor) -> None:
        """Begin with the quantiles of what the linear map is wrong by, `errors (K, H, Q)`, each in
        rising order."""
        m = quantiles.middle(self.levels)
        steps = errors.diff(dim=-1).clamp(min=1e-4)
        raw = steps + torch.log(-torch.expm1(-steps))  # what softplus gives these steps for
        self.spread.copy_(torch.cat([raw[..., :m], errors[..., m : m + 1], raw[..., m:]], -1))
