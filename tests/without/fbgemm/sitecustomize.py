"""On PYTHONPATH, where tests run as on a processor for which torch has no FBGEMM."""

import torch

del torch.fbgemm_pack_gemm_matrix_fp16, torch.fbgemm_linear_fp16_weight_fp32_activation
