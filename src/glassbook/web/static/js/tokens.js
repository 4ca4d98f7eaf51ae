// Display of tokens: shading in six steps, visible line breaks and tabs, percentages, arrow-key navigation.

// Which of the shades 0 to 5 a value has; anything above zero is visible.
export function shade(value, largest = 1) {
  return value > 0 && largest > 0 ? Math.max(1, Math.min(5, Math.round((value / largest) * 5))) : 0;
}

export function visible(text) {
  return String(text).replaceAll("\r", "␍").replaceAll("\n", "↵").replaceAll("\t", "⇥") || "∅";
}

// A probability as it is read.
export function share(p) {
  const percent = p * 100;
  return `${percent >= 9.95 || percent === 0 ? Math.round(percent) : percent >= 0.05 ? percent.toFixed(1) : "< 0.1"} %`;
}

// One stop of the Tab key for a row of buttons (or rows of them, `across` to a row); the arrows move among them.
export function roving(buttons, across = buttons.length) {
  buttons.forEach((button, i) => (button.tabIndex = i ? -1 : 0));
  const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across };
  for (const [i, button] of buttons.entries()) {
    button.addEventListener("keydown", (event) => {
      const next = buttons[i + moves[event.key]];
      if (!next || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      next.focus();
    });
    button.addEventListener("focus", () => {
      for (const other of buttons) other.tabIndex = other === button ? 0 : -1;
    });
  }
}
