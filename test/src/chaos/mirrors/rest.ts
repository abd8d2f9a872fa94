import type { CollectionName, MirrorKind } from './mirror.js';

/** The CRM itself, over its API: there is nothing to follow. */
export const restMirror: MirrorKind = {
  async start({ api, reach }) {
    const origin = await reach('producers to the API', api);
    const endpoint = (collection: CollectionName, more: object) => ({
      url: `${origin}/${collection}`,
      items: '$.data',
      paging: { type: 'cursor', next: '$.nextCursor', sizeParameter: 'limit', size: 200 },
      timeout: '5s',
      ...more,
    });
    return {
      endpoints: {
        // An overlap would fetch each change several times, and hide that one of them was lost.
        customers: endpoint('customers', { incremental: { parameter: 'updated_since', overlap: '0s' } }),
        products: endpoint('products', {}),
      },
      server: undefined,
      isPolled: true,
      begin() {},
      async caughtUp() {},
    };
  },
};
