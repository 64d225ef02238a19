"""Muon's updates: the gradient's directions, all of them alike in size."""

import pytest
import torch

from train.muon import Muon, orthogonalised


@pytest.mark.parametrize("shape", [(3, 8, 20), (3, 20, 8), (2, 8, 8)])
def test_orthogonalised_matrices_turn_as_before_and_stretch_alike(shape):
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    before, after = (torch.linalg.svd(of, full_matrices=False) for of in (matrices, orthogonalised(matrices)))
    assert (after.S > 0.6).all()
    assert (after.S < 1.3).all()
    assert torch.allclose(before.U @ before.Vh, after.U @ after.Vh, atol=1e-3)


def test_matrices_of_one_shape_step_as_each_alone_and_one_without_a_gradient_stays():
    start = [
        torch.randn(shape, generator=torch.Generator().manual_seed(2)) for shape in ((4, 6), (4, 6), (6, 4), (4, 6))
    ]

    def stepped(*groups):
        parameters = [torch.nn.Parameter(matrix.clone()) for matrix in start]
        for parameter in parameters[:3]:
            parameter.grad = parameter.detach().sin()
        for group in groups:
            Muon([parameters[index] for index in group], lr=0.1).step()
        return parameters

    together, apart = stepped((0, 1, 2, 3)), stepped((0,), (1,), (2,))
    assert all(torch.allclose(one, other, atol=1e-5) for one, other in zip(together, apart, strict=True))
    assert torch.equal(together[3], start[3])
    assert not torch.allclose(together[0], start[0], atol=1e-2)
