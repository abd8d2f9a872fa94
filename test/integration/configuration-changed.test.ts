import { describe, expect, test, vi } from 'vitest';
import { type Edits, type PathOptions, WholePath } from './whole-path.js';

const PHONE: Edits[number] = ['      name: string\n', '      name: string\n      phone: string\n'];
const PHONE_IN_MERGE: Edits[number] = [
  '      name: customer.name\n',
  '      name: customer.name\n      phone: customer.phone\n',
];

/** They mostly wait, so they run side by side. */
describe.concurrent.each(['csv', 'postgres'] as const)('a configuration that changes, with %s,', (sink) => {
  async function withPath(work: (path: WholePath) => Promise<void>, edits: PathOptions['edits'] = []) {
    const path = await WholePath.begin({ sink, edits });
    try {
      path.change(40);
      await path.start(2);
      await path.settled();
      await work(path);
    } finally {
      await path.end();
    }
  }

  test('by a field leaves everything in the new form, also what an older consumer took', () =>
    withPath(async (path) => {
      await path.producer?.stop();
      path.edit([PHONE]);
      // The producer has the new configuration and polls in full; the consumers still leave out the field.
      await path.startProducer();
      await vi.waitFor(async () => expect(await seenAgain(path)).toBe(true));
      for (const consumer of path.consumers.splice(0)) await consumer.stop();
      await path.startConsumer();
      await path.settled();
    }));

  test('by a field, then by the merge, one by one and while records change, leaves everything in the new form', () =>
    withPath(async (path) => {
      for (const edits of [[PHONE], [PHONE, PHONE_IN_MERGE]]) {
        path.change(10, 5);
        path.edit(edits);
        // Services with the old and the new configuration run side by side for a while.
        const [first, second] = path.consumers.splice(0);
        await first?.stop();
        await path.startConsumer('one');
        await path.producer?.stop();
        await path.startProducer();
        path.change(10, 10);
        await second?.stop();
        await path.startConsumer('two');
      }
      await path.settled();
    }));

  test('by a field less leaves everything in the new form', () =>
    withPath(
      async (path) => {
        await path.stop();
        path.edit([]);
        await path.start(2);
        await path.settled();
      },
      [PHONE],
    ));
});

/** Whether the consumers have judged and acknowledged a full poll once more. */
async function seenAgain(path: WholePath): Promise<boolean> {
  const runs = await fetch(`${path.producer?.url}/endpoints/customers/status`);
  const { lastRun } = (await runs.json()) as { lastRun: { published: number } | null };
  return (lastRun?.published ?? 0) > 0 && path.consumers.every((consumer) => consumer.unsettled() === 0);
}
