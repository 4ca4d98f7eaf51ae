// Questions of a control that moves: the newest is asked, at most one in `pause` ms and one at a time.

// `ask(question)` gives a promise; `show(answer, question)` is called with its answer, unless `drop()` was called since.
export function paced(ask, show, fail, pause = 100) {
  let wanted, asking = false, last = 0, timer, era = 0;

  async function next() {
    clearTimeout(timer);
    timer = undefined;
    if (asking || wanted === undefined) return;
    const wait = last + pause - performance.now();
    if (wait > 0) {
      timer = setTimeout(next, wait);
      return;
    }
    const question = wanted, began = era;
    wanted = undefined;
    asking = true;
    last = performance.now();
    try {
      const answer = await ask(question);
      if (began === era) show(answer, question);
    } catch (error) {
      if (began === era) fail(error);
    }
    asking = false;
    next();
  }

  return {
    want(question) {
      wanted = question;
      next();
    },
    // Answers to what was asked before are not shown any more.
    drop() {
      era++;
      wanted = undefined;
    },
  };
}
