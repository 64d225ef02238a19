"""The optimiser: Muon and AdamW behind one object, because Lightning's automatic optimisation steps exactly one."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from train.configs import OptimConfig
from train.muon import Muon


class MuonAdamW(torch.optim.Optimizer):
    """Muon on `matrices`, torch.optim.AdamW on `others`, stepped together; both parameters, or groups of them.

    The parameter groups are the two optimisers' own, so schedulers reach both; the state is saved and loaded per
    optimiser.
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        others: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        config: OptimConfig,
    ) -> None:
        self.muon = Muon(list(matrices), lr=config.muon_lr, weight_decay=config.weight_decay)
        self.adamw = torch.optim.AdamW(list(others), lr=config.adamw_lr, betas=(0.9, 0.95), weight_decay=0.0)
        super().__init__([*self.muon.param_groups, *self.adamw.param_groups], {})
        of_muon = len(self.muon.param_groups)
        self.muon.param_groups, self.adamw.param_groups = self.param_groups[:of_muon], self.param_groups[of_muon:]

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step of both; `closure` recomputes the loss and its gradients."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self.muon.step()
        self.adamw.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Both optimisers' states by name."""
        return {"muon": self.muon.state_dict(), "adamw": self.adamw.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.muon.load_state_dict(state_dict["muon"])
        self.adamw.load_state_dict(state_dict["adamw"])
        self.param_groups = [*self.muon.param_groups, *self.adamw.param_groups]


def build_optimizer(
    model: nn.Module, config: OptimConfig, hidden: Collection[str], faster: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Optimiser and per-step schedule in the form Lightning's configure_optimizers returns.

    Muon takes the matrices of the modules named `hidden`, AdamW everything else; frozen parameters are left out. The
    modules named in `faster` learn at so many times the rates.
    """
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    matrices = {name: p for name, p in trained.items() if p.ndim == 2 and set(hidden) & set(name.split("."))}
    if config.muon_lr == 0:
        matrices = {}
    others = {name: p for name, p in trained.items() if name not in matrices}
    slow_and_fast = _groups(others, config.adamw_lr, faster or {})
    if matrices:
        optimizer = MuonAdamW(_groups(matrices, config.muon_lr, faster or {}), slow_and_fast, config)
    else:
        optimizer = torch.optim.AdamW(slow_and_fast, lr=config.adamw_lr, betas=(0.9, 0.95), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, config.rate)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _groups(parameters: Mapping[str, nn.Parameter], rate: float, faster: Mapping[str, float]) -> list[dict[str, Any]]:
    """Parameter groups by learning rate, the slowest first."""
    by_factor: dict[float, list[nn.Parameter]] = {}
    for name, parameter in parameters.items():
        factor = max((faster[part] for part in name.split(".") if part in faster), default=1.0)
        by_factor.setdefault(factor, []).append(parameter)
    return [{"params": group, "lr": rate * factor} for factor, group in sorted(by_factor.items())]
