"""The flagship: VQ-VAE codes under the transformer, notes under the VQ-VAE decoder.

For a piece x and its own codes z = enc(x), `event_nats` gives the two terms of the bound

    -log p(x) <= sum_t [ -log p(z_t | z_<t, x_<t) - log p(x_t | z_<=t, x_<t) ]:

p(z, x) is an exactly normalised model of codes and notes, and z = enc(x) is one term of p(x) = sum_z p(z, x).
The transformer reads the past codes together with the notes they were decoded into.
"""

import torch
from torch import Tensor, nn

from symbolic.chain import Chain, Choose, Step
from symbolic.configs import GPTConfig, VQVAEConfig, require
from symbolic.events import ATTRIBUTES
from symbolic.gpt import EventEmbedding, History
from symbolic.vqvae import VQVAE, to_patches


class CodeGPT(nn.Module):
    """The transformer over the codes of a VQ-VAE, and that VQ-VAE with its decoder under the transformer's state."""

    name = "vqvae"
    columns = (*ATTRIBUTES, "code")

    def __init__(self, config: GPTConfig, vqvae_config: VQVAEConfig) -> None:
        super().__init__()
        require(
            config.width == vqvae_config.width,
            f"width: the transformer's {config.width} must equal the VQ-VAE's {vqvae_config.width}",
        )
        self.config, self.vqvae_config = config, vqvae_config
        self.notes_per_patch = vqvae_config.notes_per_patch
        self.context_events = config.context_patches * self.notes_per_patch
        self.vqvae = VQVAE(vqvae_config)
        self.embedding = EventEmbedding(vqvae_config.notes_per_patch, config.width)
        self.code_embedding = nn.Linear(vqvae_config.codes_per_patch * len(vqvae_config.levels), config.width)
        self.history = History(config)
        codes = range(vqvae_config.codes_per_patch)
        self.code_chain = Chain([Step(f"code{k}", vqvae_config.codebook_size) for k in codes], config.width)
        self.state_to_notes = nn.Linear(config.width, config.width, bias=False)
        nn.init.zeros_(self.state_to_notes.weight)  # training starts from the decoder as the VQ-VAE left it

    def freeze_codes(self) -> None:
        """Fix what a code means, the encoder and quantiser, so that the transformer learns a standing language."""
        for module in (self.vqvae.embedding, self.vqvae.encoder, self.vqvae.to_code):
            module.requires_grad_(False)

    def event_nats(self, events: Tensor, valid: Tensor, mid_piece: Tensor) -> Tensor:
        """The bound's terms by event: note attributes, then the event's even share of its patch's code nats.

        events int64 [B, S, 4] with S a multiple of notes_per_patch, valid bool [B, S] (padding at the end only),
        mid_piece bool [B]; [B, S, 5].
        """
        patches = to_patches(events, self.notes_per_patch)
        values, codes = self.vqvae.encode(patches)
        states = self.states_of(patches, values, mid_piece)
        note_nats = self.note_nats(states, values, patches, valid)
        code_nats = self.code_chain.nats(states, codes).sum(-1)  # [B, T]
        in_patch = to_patches(valid, self.notes_per_patch)  # [B, T, P]
        share = in_patch / in_patch.sum(-1, keepdim=True).clamp(min=1)
        return torch.cat([note_nats, (code_nats[..., None] * share).flatten(1, 2)[..., None]], dim=-1)

    def note_nats(self, states: Tensor, values: Tensor, patches: Tensor, valid: Tensor) -> Tensor:
        """-log p(notes | codes, past) by event and attribute, [B, T * P, 4]; see VQVAE.note_nats."""
        return self.vqvae.note_nats(values, patches, valid, self.state_to_notes(states))

    def states_of(self, patches: Tensor, values: Tensor, mid_piece: Tensor) -> Tensor:
        """The transformer's state before each patch, [B, T, D], from the patches and code values before it."""
        return self.history(self._embed(patches[:, :-1], values[:, :-1]), mid_piece)

    def embed(self, patches: Tensor) -> Tensor:
        """Patches int64 [B, T, P, 4] as the history reads them, [B, T, D]."""
        return self._embed(patches, self.vqvae.encode(patches)[0])

    def sample_patch(self, state: Tensor, choose: Choose, choose_code: Choose) -> Tensor:
        """The next patch [B, P, 4] from its state [B, D]: codes drawn by `choose_code`, then notes by `choose`."""
        codes = self.code_chain.sample(state, choose_code)  # [B, K]
        values = self.vqvae.values_of(codes)
        return self.vqvae.sample_notes(values, choose, self.state_to_notes(state))

    def _embed(self, patches: Tensor, values: Tensor) -> Tensor:
        return self.embedding(patches) + self.code_embedding(values)
