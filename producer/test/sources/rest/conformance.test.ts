import { json, startApi } from '../../support/api.js';
import { sourceWith } from '../../support/source.js';
import { describeSource, type StageRecord } from '../conformance.js';

/** Records on one page. */
const PAGE = 10;

describeSource('REST', async () => {
  const records = new Map<string, StageRecord>();
  let isAway = false;
  const api = await startApi(({ url }, response) => {
    if (isAway) return void response.destroy();
    const since = url.searchParams.get('since') ?? '';
    const found = [...records.values()].filter(({ updatedAt }) => updatedAt >= since);
    const at = Number(url.searchParams.get('cursor') ?? 0);
    json(response, { data: found.slice(at, at + PAGE), next: at + PAGE < found.length ? at + PAGE : null });
  });
  const secret = 'tell-nobody';
  const { source, endpoint, clock } = sourceWith({
    url: `${api.url}/customers`,
    headers: { 'x-api-key': secret },
    items: '$.data',
    paging: { type: 'cursor', next: '$.next' },
    incremental: { parameter: 'since' },
  });
  return {
    endpoint,
    source,
    secret,
    now: () => clock.now(),
    async put(more) {
      for (const record of more) records.set(record.id, record);
    },
    async goAway() {
      isAway = true;
      return async () => {
        isAway = false;
      };
    },
  };
});
