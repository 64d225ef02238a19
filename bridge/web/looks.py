"""How our pages look: fonts and colours of the system's, nothing from elsewhere; white words on dark buttons."""

from pathlib import Path

import gradio as gr

PRIMARY, PRIMARY_HOVER = "*primary_700", "*primary_800"
CANCEL, CANCEL_HOVER = "#b91c1c", "#991b1b"
"""White stands out against each of them by more than 4.5 to 1 (WCAG 2.2, 1.4.3)."""
THEME = gr.themes.Default(
    primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
).set(
    color_accent=PRIMARY,
    button_primary_background_fill=PRIMARY,
    button_primary_background_fill_dark=PRIMARY,
    button_primary_background_fill_hover=PRIMARY_HOVER,
    button_primary_background_fill_hover_dark=PRIMARY_HOVER,
    button_cancel_background_fill=CANCEL,
    button_cancel_background_fill_dark=CANCEL,
    button_cancel_background_fill_hover=CANCEL_HOVER,
    button_cancel_background_fill_hover_dark=CANCEL_HOVER,
)
STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
