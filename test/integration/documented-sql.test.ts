import { loadPipeline } from '@tributary/shared';
import { expect, inject, onTestFinished, test } from 'vitest';
import { blocksOf, read, root } from '../docs/documents.js';
import { postgresStore } from './postgres-store.js';

const PAGE = 'docs/datasets.md';
const statements = blocksOf({ path: PAGE, text: read(PAGE) }, 'sql').flatMap((block) => block.trim().split(/;\n*/));

test(`Postgres understands every statement of ${PAGE} on the tables of the demo`, async () => {
  const store = await postgresStore(inject('postgresUrl'), { history: true, deletes: 'keep' });
  onTestFinished(() => store.remove());
  const sink = store.connect(loadPipeline(`${root}/pipeline.yaml`, {}));
  onTestFinished(() => sink.close());
  await sink.beginEpoch('sink.run.1');
  expect(statements.length).toBeGreaterThan(5);
  for (const statement of statements.filter((one) => one !== '')) {
    await expect(store.query(statement), statement).resolves.toEqual([]);
  }
});
