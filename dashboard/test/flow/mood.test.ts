import { expect, it } from 'vitest';
import { moodOf } from '../../public/pages/flow/mood.js';

const loud = { silenced: false };
const quiet = { silenced: true };

it.each([
  ['nothing', [], [], 1, 'No problems. Records are flowing.', 'good'],
  ['nothing to do', [], [], 0, 'No problems. Nothing new to read.', 'good'],
  ['problems alone', ['a', 'b'], [], 1, '2 problems', 'bad'],
  ['alerts alone', [], [loud], 1, '1 alert', 'bad'],
  ['both', ['a', 'b'], [loud, loud, loud], 1, '2 problems, 3 alerts', 'bad'],
  ['silenced alerts alone', [], [quiet, quiet], 1, 'No problems. Records are flowing.', 'good'],
  ['some silenced', ['a'], [quiet, loud], 1, '1 problem, 1 alert', 'bad'],
])('the headline tells %s', (_what, problems, alerts, rate, words, state) => {
  expect(moodOf({ problems, alerts, rates: { fetched: rate, written: 0 } })).toEqual({ words, state });
});
