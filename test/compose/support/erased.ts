import { expect } from 'vitest';
import { eventually } from '../../end-to-end/support/eventually.js';
import type { Stack } from './stack.js';

/** A row, as far as this looks at it. */
interface Landed {
  readonly key: string;
  readonly messageId: string;
}

/**
 * Erases a customer by a container of `tools` while the CRM goes on to have it, and expects that none of its rows is left and none comes back.
 * @param rows those of customers that are there
 */
export async function expectErased(
  stack: Stack,
  env: Readonly<Record<string, string>>,
  rows: () => Promise<readonly Landed[]>,
): Promise<void> {
  const keys = async () => (await rows()).map((one) => one.key);
  const [key = ''] = await keys();
  expect(key).not.toBe('');
  const said = await stack.tools(`erase customer ${key} --reason "request 17"`, env);
  expect(JSON.parse(said)).toMatchObject({ certificate: 'erasure', entity: 'customer', deadLetters: 0, unread: {} });
  const left = new Set((await rows()).map(({ messageId }) => messageId));
  expect(await keys()).not.toContain(key);
  // Nearly all customers change, so polls bring it again.
  const response = await fetch(`${stack.crm}/admin/changes?count=2000`, { method: 'POST' });
  expect(response.ok).toBe(true);
  await eventually(async () => {
    expect((await rows()).filter(({ messageId }) => !left.has(messageId)).length).toBeGreaterThan(100);
  }, 500);
  expect(await keys()).not.toContain(key);
}
