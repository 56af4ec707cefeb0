/* Follows a run while it goes on: asks every second how it stands, and shows the whole page anew when that changes. */
"use strict";
(() => {
  const POLL_MS = 1000;
  const SLOW_MS = 5000;
  let logChars = null;

  const run = () => document.getElementById("run");
  const show = (id, text) => {
    const place = document.getElementById(id);
    // Only what is new: a screen reader says again what is written again.
    if (place !== null && place.textContent !== text) { place.textContent = text; }
  };

  // What is wrong with the server passes, and is tried again; whoever may not look any more is told nothing.
  async function ask(address, accept) {
    const answer = await fetch(address, { headers: { Accept: accept } });
    if (answer.status >= 500) { throw new Error(`status ${answer.status}`); }
    if (answer.ok && !answer.redirected) { return answer; }
    document.getElementById("run-following").hidden = true;
    return null;
  }

  async function showAnew() {
    const answer = await ask(window.location.href, "text/html");
    if (answer === null) { return; }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.getElementById("run");
    if (found === null) { return; }
    run().replaceWith(document.adoptNode(found));
    show("run-standing", page.getElementById("run-standing").textContent);
    logChars = null;
    begin();
  }

  function showProgress(state) {
    const bar = document.getElementById("run-progress");
    if (bar !== null && state.percent !== null) { bar.value = state.percent; }
    show("run-progress-text", state.progress);
    show("run-standing", state.standing);
  }

  function showLog(state) {
    const log = document.getElementById("run-log");
    if (log !== null && state.log !== "") {
      const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 8;
      log.append(state.log);
      if (isAtEnd) { log.scrollTop = log.scrollHeight; }
    }
    logChars = state.log_chars;
  }

  async function look() {
    const known = run().dataset;
    const from = logChars === null ? [...document.getElementById("run-log").textContent].length : logChars;
    const answer = await ask(`${known.stateUrl}?log_from=${from}`, "application/json");
    if (answer === null) { return false; }
    const state = await answer.json();
    if (state.status !== known.status || String(state.attempts) !== known.attempts) {
      await showAnew();
      return false;
    }
    showProgress(state);
    showLog(state);
    return true;
  }

  async function follow() {
    let pause = POLL_MS;
    try {
      if (!document.hidden && !(await look())) { return; }
    } catch {
      pause = SLOW_MS; // the server does not answer just now
    }
    window.setTimeout(follow, pause);
  }

  function begin() {
    if (run() === null || run().dataset.over === "true") { return; }
    document.getElementById("run-following").hidden = false;
    window.setTimeout(follow, POLL_MS);
  }

  document.addEventListener("DOMContentLoaded", begin);
})();
