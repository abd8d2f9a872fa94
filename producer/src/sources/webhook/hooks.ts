import { type HookConfig, hookOf, type Logger } from '@tributary/shared';
import type { Endpoint } from '../../endpoint.js';
import type { PollMetrics } from '../../metrics.js';
import { EndpointFindings } from '../../shape/endpoint-findings.js';
import { compileShape, type Shape } from '../../shape/shape.js';
import { RecordsOfEvent } from './event.js';
import { createSender } from './senders/kinds.js';
import type { Sender } from './senders/sender.js';

/** A door for the events of one endpoint. */
export interface Hook {
  readonly endpoint: Endpoint;
  readonly config: HookConfig;
  readonly sender: Sender;
  readonly shape: Shape;
  readonly records: RecordsOfEvent;
  /** The header that holds the sender's secret, if the file names it. */
  readonly secretHeader: string | undefined;
}

/** The doors of the endpoints that have one, by the endpoint's id. */
export function hooksOf(endpoints: readonly Endpoint[], metrics: PollMetrics, log: Logger): ReadonlyMap<string, Hook> {
  const hooks = new Map<string, Hook>();
  for (const endpoint of endpoints) {
    const config = hookOf(endpoint.config);
    if (config === undefined) continue;
    const findings = new EndpointFindings(endpoint, metrics, log);
    const { sender, map, where, deletes, items } = config;
    hooks.set(endpoint.id, {
      endpoint,
      config,
      sender: createSender(sender),
      shape: compileShape(endpoint.entity.config, { map, where, deletes }, findings, endpoint.protectionKeys),
      records: new RecordsOfEvent(items),
      secretHeader: 'header' in sender ? sender.header : undefined,
    });
  }
  return hooks;
}
