import { isMapping } from '@tributary/shared';
import { Refused } from '../refused.js';
import type { Sender } from './sender.js';
import { isOneOf } from './tokens.js';

/** Characters of a token that is sent back. */
const LONGEST = 4_096;

/**
 * https://learn.microsoft.com/graph/change-notifications-delivery-webhooks: nothing is signed, but each notification shows the
 * `clientState` of its subscription.
 */
export const microsoftGraph = (secrets: readonly string[]): Sender => ({
  methods: [],
  challenge({ query }) {
    const token = query.get('validationToken');
    return token === null || token.length > LONGEST ? undefined : { type: 'text/plain', text: token };
  },
  check: () => {},
  checkEvent(event) {
    const notifications = isMapping(event) && Array.isArray(event.value) ? event.value : [];
    if (notifications.length === 0) throw new Refused('unreadable', 'a list of notifications is expected at $.value');
    for (const one of notifications) {
      const state: unknown = isMapping(one) ? one.clientState : undefined;
      if (typeof state !== 'string') throw new Refused('unsigned', 'a notification without clientState');
      if (!isOneOf(state, secrets))
        throw new Refused('wrong_signature', 'the clientState is not that of a subscription here');
    }
  },
});
