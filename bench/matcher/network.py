"""The matcher in torch: the bundled embedding's lower layers and a head, trained as they will run.

While it is trained every weight is seen through the 4 bits it will be kept in; without that the
kept model and the trained one agree in seven of ten judgements only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from bench.matcher.engine_file import BLOCK, EngineFile, Floats

DROPPED = 0.12
WIDTH = 64  #: of the head's inner layer
STRETCH = 8.0  #: the pooled vectors lie close together


class FourBits(nn.Module):
    """A linear layer whose weights are rounded to blocks of 4 bits; gradients pass through."""

    def __init__(self, weight: Floats, bias: Floats) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))
        self.bias = nn.Parameter(torch.tensor(bias))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The layer as the engine computes it, up to its rounding of activations."""
        with torch.no_grad():
            blocks = self.weight.reshape(-1, BLOCK)
            largest = blocks.gather(1, blocks.abs().argmax(1, keepdim=True))
            scale = (largest / -8).half().float()
            scale = torch.where(scale == 0, torch.ones_like(scale), scale)
            rounded = (torch.clamp(torch.floor(blocks / scale + 8.5), 0, 15) - 8) * scale
            error = rounded.reshape(self.weight.shape) - self.weight
        return functional.linear(x, self.weight + error, self.bias)


class Layer(nn.Module):
    """One layer of the encoder, normalized after each half."""

    def __init__(self, file: EngineFile, number: int) -> None:
        super().__init__()
        size, inner = file.size, file.inner
        self.heads = file.heads

        def linear(name: str, out: int, into: int) -> FourBits:
            at = f"l{number}.{name}"
            return FourBits(file.tensor(f"{at}.w", out, into), file.tensor(f"{at}.b", out))

        def norm(name: str) -> nn.LayerNorm:
            found = nn.LayerNorm(size, eps=file.epsilon)
            found.weight.data = torch.tensor(file.tensor(f"l{number}.{name}.w", size))
            found.bias.data = torch.tensor(file.tensor(f"l{number}.{name}.b", size))
            return found

        self.q, self.k, self.v, self.ao = (
            linear(name, size, size) for name in ("q", "k", "v", "ao")
        )
        self.fi, self.fo = linear("fi", inner, size), linear("fo", size, inner)
        self.aln, self.oln = norm("aln"), norm("oln")

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Shapes: x (pairs, tokens, size), mask (pairs, 1, 1, tokens)."""
        pairs, tokens, size = x.shape
        q, k, v = (
            part(x).view(pairs, tokens, self.heads, -1).transpose(1, 2)
            for part in (self.q, self.k, self.v)
        )
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        seen = seen.transpose(1, 2).reshape(pairs, tokens, size)
        x = self.aln(x + functional.dropout(self.ao(seen), DROPPED, self.training))
        return self.oln(
            x + functional.dropout(self.fo(functional.gelu(self.fi(x))), DROPPED, self.training)
        )


class Network(nn.Module):
    """Pairs of questions to the log-odds that both ask the same."""

    def __init__(self, file: EngineFile, layers: int) -> None:
        super().__init__()
        size = file.size

        def fixed(values: Floats) -> nn.Parameter:
            return nn.Parameter(torch.tensor(values), requires_grad=False)

        self.word = fixed(file.tensor("emb.word", file.vocabulary, size))
        self.position = fixed(file.tensor("emb.pos", file.positions, size))
        self.segment = fixed(file.tensor("emb.type", file.types, size)[0])
        self.norm = nn.LayerNorm(size, eps=file.epsilon)
        self.norm.weight.data = torch.tensor(file.tensor("emb.ln.w", size))
        self.norm.bias.data = torch.tensor(file.tensor("emb.ln.b", size))
        self.layers = nn.ModuleList(Layer(file, number) for number in range(layers))
        self.inner, self.outer = nn.Linear(size, WIDTH), nn.Linear(WIDTH, 1)

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Tokens and mask are (pairs, tokens); the result is a log-odds a pair."""
        x = self.norm(self.word[tokens] + self.position[: tokens.shape[1]] + self.segment)
        x = functional.dropout(x, DROPPED, self.training)
        for layer in self.layers:
            x = layer(x, mask[:, None, None, :])
        counted = mask.float()[..., None]
        pooled = functional.normalize((x * counted).sum(1) / counted.sum(1), dim=-1)
        return self.outer(torch.tanh(self.inner(pooled * STRETCH)))[:, 0]

    def tensors(self, keep: Sequence[int], positions: int, types: int) -> dict[str, Floats]:
        """By the names of the engine's file."""
        found = {
            "emb.word": _plain(self.word)[list(keep)],
            "emb.pos": _plain(self.position)[:positions],
            "emb.type": np.tile(_plain(self.segment)[None], (types, 1)),
            "emb.ln.w": _plain(self.norm.weight),
            "emb.ln.b": _plain(self.norm.bias),
        }
        for number, layer in enumerate(self.layers):
            for name, part in layer.named_children():
                found[f"l{number}.{name}.w"] = _plain(part.weight)
                found[f"l{number}.{name}.b"] = _plain(part.bias)
        return found

    def head(self) -> dict[str, Floats]:
        """The head as it is kept."""
        return {
            "inner": _plain(self.inner.weight),
            "inner_bias": _plain(self.inner.bias),
            "outer": _plain(self.outer.weight)[0],
            "outer_bias": _plain(self.outer.bias)[0],
        }


def _plain(values: torch.Tensor) -> Floats:
    return np.ascontiguousarray(values.detach().numpy(), dtype=np.float32)
