"""Steering in a browser: how soon the first words are on the page, and how soon all of them.

    python benchmarks/browser_steering.py [--rounds 7]

Goals: 40 steered tokens of the built-in model within 1.5 s, the first text within 200 ms, alone and beside two busy
processes. One prompt, so that 40 tokens are written plainly, 40 steered and 40 under a random vector. A headless
Chromium clicks "Steer", and a script in the page notes when text comes and when the numbers below it do.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from generation import BUSY, busy_processes
from playwright.sync_api import Page, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
WATCH = """() => {
  window.times = {};
  const answer = document.querySelector("[data-answer]");
  const look = () => {
    const now = performance.now(), going = !!answer.querySelector(".so-far");
    if (going) times.going = true;
    const text = [...answer.querySelectorAll(".text")].map((x) => x.textContent).join("");
    if (times.going && !times.first && text.trim().length > times.prompt) times.first = now;
    if (times.going && !going && !times.end && answer.querySelector(".measured li")) times.end = now;
  };
  new MutationObserver(look).observe(answer, { subtree: true, childList: true, characterData: true });
  document.querySelector("button[data-do]").addEventListener("click", () => {
    answer.replaceChildren();
    const prompt = document.querySelector("#steer-prompts").value.length;
    window.times = { start: performance.now(), first: 0, end: 0, going: false, prompt };
  }, true);
}"""


@contextmanager
def served() -> Iterator[str]:
    """The address of a new notebook's server."""
    with tempfile.TemporaryDirectory() as folder:
        notebook = Path(folder) / "nb"
        subprocess.run([sys.executable, "-m", "glassbook", "new", notebook], check=True, stdout=subprocess.DEVNULL)
        command = [sys.executable, "-m", "glassbook", "serve", "--port", "0", "--json", "--notebook", notebook]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            yield json.loads(server.stdout.readline())["url"]
        finally:
            server.terminate()
            server.wait()


def steer(page: Page, seed: int) -> tuple[float, float]:
    """Milliseconds from the click to the first new text and to the end."""
    page.locator("input[name=seed]").fill(str(seed))
    page.locator("form.steering button[data-do]").click()
    page.wait_for_function("times.end > 0", timeout=120_000)
    times = page.evaluate("times")
    return times["first"] - times["start"], times["end"] - times["start"]


def main() -> None:
    parser = argparse.ArgumentParser(description="steering in a browser")
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
    with served() as url, sync_playwright() as play:
        browser = play.chromium.launch(args=["--no-sandbox"], executable_path=CHROMIUM)
        page = browser.new_context(bypass_csp=True).new_page()
        page.goto(url)
        page.get_by_role("link", name="Steer it yourself").click()
        page.wait_for_selector("[data-sources] .direction")
        page.locator("#steer-prompts").fill("One day")
        page.evaluate(WATCH)
        first_ms, end_ms = steer(page, 100)
        print(f"the very first, which opens the model: {first_ms:.0f} ms to the first text, {end_ms:.0f} ms in all")
        for busy in (0, BUSY):
            with busy_processes(busy):
                seeds = range(1000 * busy, 1000 * busy + rounds)  # a question asked before is answered from memory
                first, end = zip(*(steer(page, seed) for seed in seeds), strict=True)
            for what, values in (("first text", first), ("in all", end)):
                print(
                    f"{busy} busy processes, {what}: median {statistics.median(values):.0f} ms, up to {max(values):.0f}"
                )


if __name__ == "__main__":
    main()
