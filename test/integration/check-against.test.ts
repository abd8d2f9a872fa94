import { systemClock } from '@tributary/shared';
import { describe, expect, inject, test } from 'vitest';
import { compareWithOutput } from '../../consumer/src/index.js';
import { type Edits, WholePath } from './whole-path.js';

describe.each(['csv', 'postgres'] as const)('what a changed file makes of an output of %s', (sink) => {
  test('is told before it happens, and what is stored stays as it is', async () => {
    const path = await WholePath.begin({ sink });
    try {
      path.change(20);
      await path.start();
      await path.settled();
      await path.stop();
      const told = (edits: Edits) => {
        path.edit(edits);
        return compareWithOutput({ config: path.config, postgresUrl: inject('postgresUrl'), clock: systemClock });
      };
      expect(await told([])).toEqual([]);
      expect(await told([['    key: id\n', '    key: name\n']])).toEqual([
        expect.stringMatching(
          /^customers \(.+\) was written by another key than name \(such as C\d+, which would be name .+\)/,
        ),
      ]);
      expect(await told([['price: number, stock: integer', 'price: number']])).toEqual([
        expect.stringMatching(/^items\.stock is in the output and not in the file: /),
      ]);
      expect(await told([['      name: string\n', '      name: string\n      phone: string\n']])).toEqual([
        expect.stringMatching(/^customers\.phone is in the file and not in the output: it is added/),
      ]);
      expect(await told([['dataset: items', 'dataset: goods']])).toEqual([
        expect.stringMatching(
          /^items \(.+\) belongs to no entity, merge or aggregate .* stays as it is.* renamed to goods/,
        ),
      ]);
      expect(await told([['  orders:\n', '  lines:\n']])).toEqual([
        expect.stringMatching(/^orders \(.+\) belongs to no entity, merge or aggregate .* renamed to lines/),
      ]);
      const changed = await told([['stock: integer', 'stock: string']]);
      if (sink === 'postgres') {
        expect(changed).toEqual([
          expect.stringMatching(/^items\.stock is stored as integer, and the file says string/),
        ]);
      }
      path.edit([]);
      expect(await path.findings()).toMatchObject({ findings: [] });
    } finally {
      await path.end();
    }
  });
});
