"""Products with the last few rows only: what copying and sliding attention have in common.

A window that slides row by row would be a copy of its rows for each position. Instead rows are cut into blocks, a block
of queries meets the block of rows before it and its own, and of the products those within the window are kept.
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


def sliding_mask(positions: int, seen: int, window: int, block: int) -> Tensor:
    """Which keys each query of `sliding_attention` may see: bool [blocks, 1, block, block + window].

    The first `seen` keys come from before the first query; a query sees its own position and the window - 1 before.
    """
    blocks = -(-positions // block)
    query = torch.arange(blocks * block).view(blocks, 1, block, 1) + seen
    key = (torch.arange(blocks) * block)[:, None, None, None] + torch.arange(block + window) + seen - window
    return (key <= query) & (key > query - window) & (key >= 0)


def sliding_attention(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """Attention of each position to a window of those before it: query [B, H, T, W] to [B, H, T, W].

    keys, values [B, H, seen + T, W] with `seen` positions from before the first query, mask of `sliding_mask`.
    """
    batch, heads, positions, width = query.shape
    blocks, _, block, span = mask.shape
    seen = keys.shape[2] - positions
    before, missing = span - block - seen, blocks * block - positions

    def spans(x: Tensor) -> Tensor:  # [B, H, seen + T, W] to [B * blocks, H, block + window, W]
        x = F.pad(x, (0, 0, before, missing)).unfold(2, span, block)  # [B, H, blocks, W, span]
        return x.permute(0, 2, 1, 4, 3).reshape(batch * blocks, heads, span, width)

    queries = F.pad(query, (0, 0, 0, missing)).view(batch, heads, blocks, block, width).transpose(1, 2)
    y = F.scaled_dot_product_attention(
        queries.reshape(batch * blocks, heads, block, width),
        spans(keys),
        spans(values),
        attn_mask=mask.expand(blocks, 1, block, span).repeat(batch, 1, 1, 1),
    )
    y = y.view(batch, blocks, heads, block, width).transpose(1, 2)
    return y.reshape(batch, heads, blocks * block, width)[:, :, :positions]
