"""Train a small neural network on the CPU with PyTorch and say how well it does.

The network learns to tell apart three interleaved spirals, which are made here; some ten to thirty seconds on two
cores. Needs PyTorch, which carbonprint itself does not.
"""

from __future__ import annotations

import math

import torch
from torch import nn

N_PER_ARM = 4000
N_ARMS = 3


def spirals(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Make the points of all arms, shape (n, 2), and the arm of each, shape (n,)."""
    points, arms = [], []
    for arm in range(N_ARMS):
        radius = torch.linspace(0.05, 1, N_PER_ARM)
        noise = 0.45 * torch.randn(N_PER_ARM, generator=generator)
        angle = 2 * math.pi * arm / N_ARMS + 4 * radius + noise
        points.append(torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1))
        arms.append(torch.full((N_PER_ARM,), arm))
    return torch.cat(points), torch.cat(arms)


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(2)
    points, arms = spirals(torch.Generator().manual_seed(0))
    network = nn.Sequential(
        nn.Linear(2, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, N_ARMS)
    )
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for epoch in range(60):
        order = torch.randperm(len(points))
        for batch in order.split(256):
            loss = nn.functional.cross_entropy(network(points[batch]), arms[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        if epoch % 20 == 19:
            print(f"epoch {epoch + 1}: loss {loss.item():.3f}")
    right = (network(points).argmax(dim=1) == arms).float().mean().item()
    print(f"{right:.1%} of {len(points)} points on the right arm")


if __name__ == "__main__":
    main()
