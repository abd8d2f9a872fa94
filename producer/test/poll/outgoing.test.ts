import { expect, it } from 'vitest';
import { heard, type Outgoing } from '../../src/poll/outgoing.js';
import type { OutgoingMessage } from '../../src/publish/messages.js';

const message = (key: string): OutgoingMessage => ({
  envelope: {
    messageId: key,
    endpoint: 'changes',
    entity: 'customer',
    key,
    version: '2026-03-01T11:00:00Z',
    run: 1,
    fetchedAt: '2026-03-01T11:00:00.000Z',
    traceparent: '',
  },
  body: Buffer.from('{}'),
});

it('tells other endpoints of a version before it is published: a run that dies in between leaves no row that is newer than what they know', async () => {
  const steps: string[] = [];
  const outgoing: Outgoing = {
    publish({ envelope: { key } }) {
      steps.push(`publish ${key}`);
      return undefined;
    },
    flush: async () => {
      steps.push('flush');
    },
  };
  const known = {
    hear: async (id: string, keys: readonly { readonly key: string; readonly version: string }[]) => {
      steps.push(`${id} hears ${keys.map(({ key, version }) => `${key} ${version}`).join(', ')}`);
    },
  };
  const tells = heard(outgoing, known, ['all', 'old']);
  await tells.publish(message('a'), false);
  await tells.publish(message('b'), true);
  await tells.flush();
  const keys = 'a 2026-03-01T11:00:00, b 2026-03-01T11:00:00';
  expect(steps).toEqual([`all hears ${keys}`, `old hears ${keys}`, 'publish a', 'publish b', 'flush']);
});
