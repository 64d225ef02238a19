"""The flagship: VQ-VAE codes under the transformer, notes under the VQ-VAE decoder.

Attribute by attribute, the transformer first predicts the code z and then, under the decoder, the value x that the code
stands for. With z = enc(x), `event_nats` gives the two terms of the bound

    -log p(x) <= sum [ -log p(z | past) - log p(x | z, past) ]:

p(z, x) is an exactly normalised model of codes and notes, and z = enc(x) is one term of p(x) = sum over z of p(z, x).
The past is the notes played, heard together with the encoder's codes of them, and the attributes of the same note that
came before. What follows depends on a drawn code only through its value, so the sum over all codes factors, and the
third term is the exact likelihood at the price of one matrix product:

    mixture: -log p(x) = -sum log sum over all z of p(z | past) p(x | z, past).
"""

import torch
from torch import Tensor, nn

from symbolic.models.configs import GPTConfig, VQVAEConfig
from symbolic.models.event_gpt import ChooseCode, EventGPT
from symbolic.models.head import nats_of
from symbolic.models.vqvae import VQVAE
from symbolic.tokens.events import ATTRIBUTES

LEAST_MASS = 1e-30
"""Keeps the logarithm of what no value leads to finite."""


class CodeGPT(EventGPT):
    """The transformer over the codes of a VQ-VAE, and that VQ-VAE with its decoder under the transformer's state."""

    name = "vqvae"
    terms = ("value", "code", "mixture")

    def __init__(self, config: GPTConfig, vqvae_config: VQVAEConfig) -> None:
        super().__init__(config)
        self.vqvae_config = vqvae_config
        self.vqvae = VQVAE(vqvae_config)
        sizes = vqvae_config.codebook_sizes
        self.code_embedding = nn.Linear(sum(map(len, vqvae_config.levels.values())), config.width, bias=False)
        self.code_output = nn.ModuleDict({name: nn.Linear(config.width, sizes[name]) for name in ATTRIBUTES})
        nn.init.zeros_(self.code_embedding.weight)
        for layer in self.code_output.values():
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def freeze_codes(self) -> None:
        """Fix what a code means, the encoder, so that the transformer learns a standing language."""
        for part in self.vqvae.attributes.values():
            if part.encoder is not None:
                part.encoder.requires_grad_(False)

    def embed(self, events: Tensor) -> Tensor:
        """Events int64 [..., 4] and their codes as the history reads them, [..., D]."""
        return self.embedding(events) + self.code_embedding(self.vqvae.points(events))

    def attribute_nats(self, attribute: str, hidden: Tensor, copy_logits: Tensor, value: Tensor) -> Tensor:
        """-log p(value | code), -log p(code) and the mixture's -log p(value), [..., 3]; see EventGPT."""
        code = self.vqvae.attributes[attribute].codebook()[1][value]
        return self.nats_given_code(attribute, hidden, copy_logits, value, code)

    def nats_given_code(
        self, attribute: str, hidden: Tensor, copy_logits: Tensor, value: Tensor, code: Tensor
    ) -> Tensor:
        """The terms [..., 3] with the code int64 [...] that the decoder is given, right or wrong."""
        decoder = self.vqvae.attributes[attribute].decode_all()  # [K, V]
        context = self.chain.logits(attribute, hidden, copy_logits)  # [..., V]
        code_logits = self._code_logits(attribute, hidden, context)
        value_nats = nats_of(context + decoder[code], value)
        return torch.stack(
            [value_nats, nats_of(code_logits, code), _mixture_nats(decoder, context, code_logits, value)], dim=-1
        )

    def attribute_bound_nats(self, attribute: str, hidden: Tensor, copy_logits: Tensor, value: Tensor) -> Tensor:
        """-log p(value | code) - log p(code), [...]; see EventGPT. Spares the mixture's sum over all codes."""
        part = self.vqvae.attributes[attribute]
        code = part.codebook()[1][value]
        context = self.chain.logits(attribute, hidden, copy_logits)
        code_nats = nats_of(self._code_logits(attribute, hidden, context), code)
        return code_nats + nats_of(context + part.decode_all()[code], value)

    def given_code(self, attribute: str, hidden: Tensor, context: Tensor, choose_code: ChooseCode) -> Tensor:
        """Logits float32 [..., V] of an attribute's values behind the code that is chosen; see EventGPT."""
        code = choose_code(attribute, self._code_logits(attribute, hidden, context))
        return context + self.vqvae.attributes[attribute].decode_all()[code]

    def _code_logits(self, attribute: str, hidden: Tensor, context: Tensor) -> Tensor:
        """Logits [..., K] of the codes: a code is as likely as its values together, but for what is learned of it.

        context float32 [..., V]; values that are ruled out, at -inf, add nothing to their codes.
        """
        codes = self.vqvae.attributes[attribute].codebook()[1]
        mass = log_mass_of_codes(context, codes, self.vqvae_config.codebook_sizes[attribute])
        return self.code_output[attribute](hidden).float() + mass


def log_mass_of_codes(context: Tensor, codes: Tensor, size: int) -> Tensor:
    """Per code the logarithm of the sum of exp(context) over its values: [..., size].

    context float32 [..., V], codes int64 [V] in 0..size-1.
    """
    top = context.detach().amax(-1, keepdim=True)
    mass = context.new_zeros((*context.shape[:-1], size)).index_add_(-1, codes, (context - top).exp())
    return top + (mass + LEAST_MASS).log()


def _mixture_nats(decoder: Tensor, context: Tensor, code_logits: Tensor, value: Tensor) -> Tensor:
    """-log sum_z p(z) p(value | z) with p(value | z) = softmax(decoder[z] + context): float32 [...].

    decoder [K, V], context [..., V], code_logits [..., K], value int64 [...]. The normalisers of all codes are one
    matrix product: sum_v exp(decoder[z, v]) exp(context[v]), in float64 because a code may all but exclude every likely
    value.
    """
    decoder = decoder.double().log_softmax(-1)
    context = (context - context.amax(-1, keepdim=True)).double()
    log_normaliser = (context.exp() @ decoder.exp().T).log()  # [..., K]
    value_logits = decoder.T[value] + context.gather(-1, value[..., None])  # [..., K]
    return -torch.logsumexp(code_logits.log_softmax(-1) + value_logits - log_normaliser, dim=-1)
