// Unsaved text of the editor, stored in the browser; after a crash or a full disk it can be restored.

export class Draft {
  constructor(key) {
    this.key = `glassbook-draft:${key}`;
  }

  // {text, base, title, kind, time}, or null.
  read() {
    try {
      const draft = JSON.parse(localStorage.getItem(this.key));
      return typeof draft?.text === "string" ? draft : null;
    } catch {
      return null;
    }
  }

  // Whether the browser could keep it (its store has a limit).
  write(draft) {
    try {
      localStorage.setItem(this.key, JSON.stringify({ ...draft, time: Date.now() }));
      return true;
    } catch {
      return false;
    }
  }

  drop() {
    localStorage.removeItem(this.key);
  }
}
