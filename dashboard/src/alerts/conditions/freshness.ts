import type { Condition } from './condition.js';
import { spanOf } from './spans.js';

/** A dataset without any row counts from when the pipeline was first watched. */
export const freshness: Condition<'freshness'> = {
  judge: ({ datasets, olderThan }, { flow, now, since }) =>
    (datasets ?? flow.datasets.map(({ name }) => name)).map((name) => {
      const newest = flow.datasets.find((one) => one.name === name)?.lastWrittenAt ?? null;
      const age = now - (newest === null ? since : Date.parse(newest));
      const words =
        newest === null
          ? `${name} has no row, and has been watched for ${spanOf(age)}`
          : `the newest row of ${name} is ${spanOf(age)} old`;
      return { subject: { kind: 'dataset', name }, group: '', state: age > olderThan ? 'bad' : 'good', words };
    }),
  title: (alerts) => `${alerts} datasets have no new rows`,
};
