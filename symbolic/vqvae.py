"""The VQ-VAE: a patch of notes becomes a few codes, and a decoder gives the notes back as exact probabilities.

The encoder reads one patch and nothing else, so a code never depends on later music and always means the same. The
decoder predicts the patch's attributes in turn from its codes; under the transformer over codes (`symbolic.code_gpt`)
it is also given the transformer's state, which only sharpens it.
"""

from torch import Tensor, nn

from symbolic.chain import Chain, Choose
from symbolic.configs import VQVAEConfig
from symbolic.events import ATTRIBUTES
from symbolic.fsq import FSQ
from symbolic.gpt import NOTE_STEPS, EventEmbedding, scored_cells
from symbolic.transformer import MLP, rms_norm


def to_patches(events: Tensor, notes_per_patch: int) -> Tensor:
    """events [B, S, ...] to [B, S / P, P, ...]; raises ValueError where S is no multiple of P."""
    if events.shape[1] % notes_per_patch:
        raise ValueError(f"patches: {events.shape[1]} events are no multiple of {notes_per_patch} a patch; pad them")
    return events.unflatten(1, (-1, notes_per_patch))


class VQVAE(nn.Module):
    """Encoder, finite scalar quantiser and decoder of patches [B, T, P, 4]."""

    columns = ATTRIBUTES

    def __init__(self, config: VQVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.notes_per_patch = config.notes_per_patch
        self.context_events = 512 * config.notes_per_patch  # patches are independent: this only bounds memory
        code_width = config.codes_per_patch * len(config.levels)
        self.embedding = EventEmbedding(config.notes_per_patch, config.width)
        self.encoder = nn.ModuleList(MLP(config.width, 2 * config.width) for _ in range(config.encoder_layers))
        self.to_code = nn.Linear(config.width, code_width)
        self.quantiser = FSQ(config.levels)
        self.from_code = nn.Linear(code_width, config.width)
        self.decoder = Chain(NOTE_STEPS * config.notes_per_patch, config.width)

    def encode(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """patches int64 [B, T, P, 4] to (values [B, T, K * levels] in [-1, 1], codes int64 [B, T, K])."""
        x = self.embedding(patches)
        for mlp in self.encoder:
            x = x + mlp(rms_norm(x))
        x = self.to_code(rms_norm(x)).unflatten(-1, (self.config.codes_per_patch, -1))
        values, codes = self.quantiser(x)
        return values.flatten(-2), codes

    def values_of(self, codes: Tensor) -> Tensor:
        """Codes int64 [..., K] to the quantised values [..., K * levels] they stand for."""
        return self.quantiser.values_of(codes).flatten(-2)

    def note_nats(self, values: Tensor, patches: Tensor, valid: Tensor, state: Tensor | None = None) -> Tensor:
        """-log p(notes | codes) by event and attribute, zero where nothing is scored: [B, T * P, 4].

        values [B, T, K * levels], patches int64 [B, T, P, 4], valid bool [B, T * P], state [B, T, D] of the past.
        """
        nats = self.decoder.nats(self._decoder_state(values, state), patches.flatten(-2))  # [B, T, 4 P]
        events = patches.flatten(1, 2)
        return nats.view(events.shape) * scored_cells(events, valid)

    def sample_notes(self, values: Tensor, choose: Choose, state: Tensor | None = None) -> Tensor:
        """Draw a patch [B, P, 4] from its code values [B, K * levels] by `choose`."""
        drawn = self.decoder.sample(self._decoder_state(values, state), choose)
        return drawn.unflatten(-1, (self.config.notes_per_patch, -1))

    def event_nats(self, events: Tensor, valid: Tensor, mid_piece: Tensor) -> Tensor:
        """The training loss before any transformer exists: -log p(notes | own codes), [B, S, 4].

        Takes `mid_piece` [B] like every symbolic model and has no use for it: a code knows its patch alone.
        """
        del mid_piece
        patches = to_patches(events, self.config.notes_per_patch)
        values, _ = self.encode(patches)
        return self.note_nats(values, patches, valid)

    def _decoder_state(self, values: Tensor, state: Tensor | None) -> Tensor:
        start = self.from_code(values)
        return start if state is None else start + state
