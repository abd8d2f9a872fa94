import type { Condition } from './condition.js';
import { spanOf } from './spans.js';

/** A dataset without any row counts from when the pipeline was first watched. While its parts are read, its newest row may still come. */
export const freshness: Condition<'freshness'> = {
  judge: ({ datasets, olderThan }, { flow, now, since }) =>
    (datasets ?? flow.datasets.filter(({ groups }) => groups === null).map(({ name }) => name)).map((name) => {
      const dataset = flow.datasets.find((one) => one.name === name);
      const newest = dataset?.lastWrittenAt ?? null;
      const age = now - (newest === null ? since : Date.parse(newest));
      const words =
        newest === null
          ? `${name} has no row, and has been watched for ${spanOf(age)}`
          : `the newest row of ${name} is ${spanOf(age)} old`;
      const isRead = (dataset?.indexing ?? null) === null;
      const state = age <= olderThan ? 'good' : isRead ? 'bad' : 'unknown';
      return { subject: { kind: 'dataset', name }, group: '', state, words };
    }),
  title: (alerts) => `${alerts} datasets have no new rows`,
};
