"""How our pages look: fonts and colours of the system's, nothing from elsewhere."""

from pathlib import Path

import gradio as gr

THEME = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
