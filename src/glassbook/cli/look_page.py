"""Page of `glassbook look`: one HTML file with the pictures as a model sees them, and what it makes of them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#222, #e8e6e1); --dim: light-dark(#5f5f5f, #a9a6a0);
  --paper: light-dark(#fdfdfb, #191a1c); --rule: light-dark(#dcdad4, #3a3b3e); --bar: light-dark(#2a7f95, #4fa7bd); }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: 1.5rem; }
figure { margin: 0; border: 1px solid var(--rule); border-radius: 8px; padding: .8rem; }
.seen { display: flex; gap: .5rem; }
.seen img { flex: 1; min-width: 0; width: 100%; aspect-ratio: 1; border-radius: 4px; }
figcaption { margin: .5rem 0; overflow-wrap: anywhere; color: var(--dim); font-size: .9rem; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; } th { text-align: left; font-weight: 400; }
td.p { text-align: right; font-variant-numeric: tabular-nums; width: 4rem;
  padding-right: .5rem; }
td.bar { width: 40%; } td.bar div { height: .7rem; border-radius: 2px; background: var(--bar); min-width: 1px; }
"""


def page(model: str, seen: Sequence[tuple[dict[str, Any], bytes | None, bytes | None]]) -> str:
    """The page.

    Args:
        model: the model's name.
        seen: of each picture what `look` tells of it, the picture and its reconstruction as PNG.
    """
    title = escape(f"What {model} sees")
    figures = "\n".join(_figure(told, [png for png in pngs if png is not None]) for told, *pngs in seen)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1>\n<main>\n{figures}\n</main></body></html>\n"
    )


def _figure(told: dict[str, Any], pngs: Sequence[bytes]) -> str:
    name = escape(Path(told["file"]).name)
    alts = (f"{name}, as the model sees it", f"reconstruction of {name}")
    images = "".join(
        f'<img alt="{alt}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
        for alt, png in zip(alts, pngs, strict=False)
    )
    if "classes" in told:
        rows = "".join(
            f'<tr><th scope="row">{escape(c["name"])}</th><td class="p">{c["p"]:.1%}</td>'
            f'<td class="bar"><div style="width: {c["p"]:.2%}"></div></td></tr>'
            for c in told["classes"]
        )
        below = f"<table><tbody>{rows}</tbody></table>"
    else:
        below = f"<p>its reconstruction: {decibels(told['psnr'])}</p>"
    return f'<figure><div class="seen">{images}</div><figcaption>{name}</figcaption>{below}</figure>'


def decibels(psnr: float | None) -> str:
    """A ratio of signal to noise in words; None is that of a picture of which no pixel differs."""
    return "exact" if psnr is None else f"{psnr:.1f} dB"
