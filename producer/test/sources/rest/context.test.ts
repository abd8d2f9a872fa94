import { describe, expect, it } from 'vitest';
import { json, startApi } from '../../support/api.js';
import { pipelineWith } from '../../support/pipeline.js';
import { recordsOf, sourceWith } from '../../support/source.js';

describe('a record', () => {
  it('holds the values of `for` that it was asked for with', async () => {
    const api = await startApi((_request, response) => json(response, [{ id: 'a' }, 'no object']));
    const { read } = sourceWith({ url: `${api.url}/{{region}}`, for: { region: ['EU 1'] } });
    expect(recordsOf(await read())).toEqual([{ id: 'a', $for: { region: 'EU 1' } }, 'no object']);
    expect(api.paths).toEqual(['/EU%201']);
  });

  it('is as it came where nothing was chosen', async () => {
    const api = await startApi((_request, response) => json(response, [{ id: 'a' }]));
    expect(recordsOf(await sourceWith({ url: api.url }).read())).toEqual([{ id: 'a' }]);
  });

  it('cannot take a placeholder in an expression, and check says what there is instead', () => {
    const endpoint = {
      url: 'http://api/{{region}}',
      for: { region: ['eu'] },
      map: { name: { value: "'{{region}}'" } },
    };
    expect(() => pipelineWith({ crm: endpoint })).toThrow('{{region}} is not filled in here');
  });
});
