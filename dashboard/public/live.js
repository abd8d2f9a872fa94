import { get } from './api.js';

const EVERY = 2_000;
const LONGEST_WAIT = 15_000;

/**
 * Asks for the list of datasets again and again: every two seconds, more slowly while it fails, and not at all while
 * nobody looks.
 *
 * @param {(answer: { sink: string, instance: string, datasets: object[] }) => void} onAnswer
 * @param {(failure: Error, wait: number) => void} onFailure told how long it will wait, in milliseconds
 */
export function watchDatasets(onAnswer, onFailure) {
  let failures = 0;
  let waiting = false;

  async function ask() {
    const answer = await get('/datasets').catch((failure) => failure);
    failures = answer instanceof Error ? failures + 1 : 0;
    const wait = failures === 0 ? EVERY : Math.min(LONGEST_WAIT, EVERY * 2 ** (failures - 1));
    if (document.hidden) waiting = true;
    else setTimeout(ask, wait);
    if (failures === 0) onAnswer(answer);
    else onFailure(answer, wait);
  }

  document.addEventListener('visibilitychange', () => {
    if (document.hidden || !waiting) return;
    waiting = false;
    ask();
  });
  ask();
}
