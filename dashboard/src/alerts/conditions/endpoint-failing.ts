import type { EndpointFlow } from '../../flow/flow.js';
import type { Condition } from './condition.js';

/** A host that is away makes all of its endpoints fail: they are one group. */
export const endpointFailing: Condition<'endpoint-failing'> = {
  judge: ({ endpoints, failures }, { flow, failuresOf }) =>
    flow.endpoints
      .filter(({ id }) => endpoints === undefined || endpoints.some((one) => id === one || id.startsWith(`${one}.`)))
      .filter(({ enabled, paused }) => enabled && !paused)
      .map((endpoint) => {
        const { id, retrying, problem } = endpoint;
        const times = failuresOf(id) + (retrying === null ? 0 : 1);
        const isKnown = flow.producers.some(({ answers }) => answers);
        const why = problem ?? (retrying === null ? '' : retrying.reason);
        return {
          subject: { kind: 'endpoint', name: id },
          group: hostOf(endpoint),
          state: !isKnown ? 'unknown' : times >= failures ? 'bad' : 'good',
          words: why === '' ? `${id} fails` : `${id}: ${why}`,
        };
      }),
  title: (alerts, group) => `${alerts} endpoints${group === '' ? '' : ` of ${group}`} fail`,
};

const hostOf = ({ url }: EndpointFlow): string => (URL.canParse(url) ? new URL(url).host : '') || url;
