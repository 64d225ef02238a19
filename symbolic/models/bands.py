"""Products of each position with the last few rows only, without a copy of those rows for each position.

Rows are cut into blocks, a block of queries meets the block of rows before it and its own, and of the products those
within reach are kept.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def band_products(query: Tensor, keys: Tensor) -> Tensor:
    """The products of each query with its own R rows of `keys`: query [B, S, W], keys [B, R + S - 1, W] to [B, S, R].

    Query s meets rows s..s + R - 1.
    """
    batch, positions, width = query.shape
    reach = keys.shape[1] - positions + 1
    if positions == 1:
        return query @ keys.mT
    blocks = -(-positions // reach)
    missing = blocks * reach - positions
    queries = F.pad(query, (0, 0, 0, missing)).view(batch, blocks, reach, width)
    keys = F.pad(keys, (0, 0, 0, missing + 1)).view(batch, blocks + 1, reach, width)
    products = queries @ torch.cat([keys[:, :-1], keys[:, 1:]], dim=2).mT  # [B, blocks, R, 2 R]
    # A row longer by one moves each query's first product below the one before it: the band stands upright.
    upright = F.pad(products.flatten(2), (0, reach)).view(batch, blocks, reach, 2 * reach + 1)
    return upright[..., :reach].reshape(batch, blocks * reach, reach)[:, :positions]
