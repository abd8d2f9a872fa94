import { plural } from '../../ui/format.js';

/**
 * How the pipeline is, in a few words: problems that are seen now, and alerts that fire and nobody has silenced.
 * @returns {{ words: string, state: 'good' | 'bad' }}
 */
export function moodOf({ problems, alerts, rates }) {
  const loud = alerts.filter(({ silenced }) => !silenced).length;
  const bad = [
    ...(problems.length === 0 ? [] : [plural(problems.length, 'problem')]),
    ...(loud === 0 ? [] : [plural(loud, 'alert')]),
  ];
  if (bad.length > 0) return { words: bad.join(', '), state: 'bad' };
  const flowing = rates.fetched + rates.written === 0 ? 'Nothing new to read.' : 'Records are flowing.';
  return { words: `No problems. ${flowing}`, state: 'good' };
}
