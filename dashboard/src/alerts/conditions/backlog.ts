import type { Condition } from './condition.js';
import { spanOf } from './spans.js';

export const backlog: Condition<'backlog'> = {
  judge: ({ queues, records: most, wait: longest }, { flow }) =>
    flow.queues
      .filter(({ queue }) => queues === undefined || queues.includes(queue))
      .map(({ queue, records, rate }) => {
        const waiting = records ?? 0;
        const wait = waiting === 0 ? 0 : rate === 0 ? Number.POSITIVE_INFINITY : (1_000 * waiting) / rate;
        const isBad = (most !== undefined && waiting >= most) || (longest !== undefined && wait >= longest);
        const pace = wait === Number.POSITIVE_INFINITY ? 'none is taken' : `the last of them for ${spanOf(wait)}`;
        return {
          subject: { kind: 'queue', name: queue },
          group: '',
          state: records === null ? 'unknown' : isBad ? 'bad' : 'good',
          words: `${waiting} records wait in ${queue}, ${pace}`,
        };
      }),
  title: (alerts) => `Records wait in ${alerts} queues`,
};
