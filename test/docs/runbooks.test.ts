import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { read } from './documents.js';

const page = read('docs/operating/runbooks.md');
const runbooks = page.split(/^### /m).slice(1);

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly annotations: Readonly<Record<string, string>> }[];
  }[];
}

const alerts = (parse(read('deploy/prometheus/alerts.yml')) as Rules).groups.flatMap(({ rules }) => rules);

test('each alert has a runbook to which it links, and each runbook an alert', () => {
  expect(alerts.length).toBeGreaterThan(10);
  expect(runbooks.map((runbook) => runbook.split('\n')[0])).toEqual(alerts.map(({ alert }) => alert));
  for (const { alert, annotations } of alerts) {
    expect(annotations.runbook).toBe(`docs/operating/runbooks.md#${alert.toLowerCase()}`);
  }
});

test.each(runbooks.map((runbook) => [runbook.split('\n')[0], runbook]))(
  'the runbook of %s says what it means, what to look at and what to do',
  (_name, runbook = '') => {
    for (const part of ['Means', 'Look', 'Do']) expect(runbook).toMatch(new RegExp(`^\\*\\*${part}\\.\\*\\* \\S`, 'm'));
  },
);
