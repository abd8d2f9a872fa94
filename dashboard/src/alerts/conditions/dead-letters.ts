import { count } from '@tributary/shared';
import type { Condition } from './condition.js';
import { spanOf } from './spans.js';

export const deadLetters: Condition<'dead-letters'> = {
  judge: ({ queues, moreThan, within }, { flow, cameWithin }) =>
    flow.queues
      .filter(({ queue }) => queues === undefined || queues.includes(queue))
      .map(({ queue, dead }) => {
        const number = within === undefined ? (dead ?? 0) : cameWithin(queue, within);
        const records = `${count(number, 'record')} of ${queue} could not be written`;
        return {
          subject: { kind: 'queue', name: queue },
          group: '',
          state: dead === null ? 'unknown' : number > moreThan ? 'bad' : 'good',
          words: within === undefined ? `${records}: they are dead letters` : `${records} within ${spanOf(within)}`,
        };
      }),
  title: (alerts) => `${alerts} queues have dead letters`,
};
