// Unsaved text of the editor, stored in the browser; after a crash or a full disk it can be restored.

const PREFIX = "glassbook-draft:";

export class Draft {
  constructor(key) {
    this.key = `${PREFIX}${key}`;
  }

  // One of several drafts of what is edited: each tab has its own, so that none overwrites that of another.
  static ofTab(key) {
    return new Draft(`${key}#${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`);
  }

  // The drafts that there are of it, the newest first.
  static all(key) {
    const names = Object.keys(localStorage).filter((name) => name === PREFIX + key || name.startsWith(`${PREFIX}${key}#`));
    const drafts = names.map((name) => new Draft(name.slice(PREFIX.length))).filter((draft) => draft.read());
    return drafts.sort((a, b) => b.read().time - a.read().time);
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
