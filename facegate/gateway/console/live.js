/** Pages that stay current by asking again. */

import { button, el } from "./parts.js";

/** Longest time between two tries while the service is away, in seconds. */
const LONGEST_S = 60;

/**
 * A strip that says how fresh a page is, with a button that stops it.
 *
 * Work is done at once, and again a while after it was done; not while the page is hidden or
 * paused, and no more once it was left. A service that is away is asked less and less often.
 */
export function live(work, every_s, { signal, say }) {
  const words = el("span.dim");
  const toggle = button("Pause", () => {
    paused = !paused;
    toggle.textContent = paused ? "Go on" : "Pause";
    look();
  });
  let [timer, wait_s, paused, busy] = [0, every_s, false, false];
  const resting = () => paused || document.hidden || signal.aborted;

  async function look() {
    clearTimeout(timer);
    if (busy || resting()) return;
    busy = true;
    try {
      await work();
      wait_s = every_s;
      words.textContent = `as of ${new Date().toISOString().slice(11, 19)} UTC`;
    } catch (error) {
      if (signal.aborted) return;
      if (wait_s === every_s) say(error.message);
      wait_s = Math.min(2 * wait_s, LONGEST_S);
      words.textContent = `${error.message} Next try in ${wait_s} s.`;
    } finally {
      busy = false;
    }
    if (!resting()) timer = setTimeout(look, 1000 * wait_s);
  }

  document.addEventListener("visibilitychange", look, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  look();
  return el("p.strip", toggle, words);
}
