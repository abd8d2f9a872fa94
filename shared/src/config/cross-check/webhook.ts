import type { Fault } from '../fault.js';
import type { EndpointConfig, EndpointOf } from '../schema.js';
import type { HookConfig } from '../source-facts.js';
import { hookOf } from '../source-facts.js';

/** What an endpoint that only listens cannot be asked for. */
export function* checkWebhook(path: string, endpoint: EndpointOf<'webhook'>): Generator<Fault> {
  if (endpoint.webhook !== undefined) {
    const message = 'the endpoint is a webhook already: its settings stand beside source: webhook; leave webhook out';
    yield { path: `${path}.webhook`, message };
  }
  if (endpoint.deletes?.missing) {
    const message = 'nothing is polled, and so nothing is seen to be missing: expected when, for events that say so';
    yield { path: `${path}.deletes.missing`, message };
  }
  for (const setting of ['resync', 'parent'] as const) {
    if (endpoint[setting] === undefined) continue;
    yield { path: `${path}.${setting}`, message: `a webhook is not polled: leave ${setting} out` };
  }
}

/** What a door cannot be, also beside a source that is polled. */
export function* checkHook(path: string, endpoint: EndpointConfig): Generator<Fault> {
  const hook = hookOf(endpoint);
  if (hook === undefined) return;
  const place = endpoint.webhook === undefined ? path : `${path}.webhook`;
  if (endpoint.parent !== undefined && endpoint.webhook !== undefined) {
    const message = `it is polled for the records of ${endpoint.parent.endpoint}, and an event belongs to none of them: give events an endpoint of their own`;
    yield { path: place, message };
  }
  yield* checkSigned(`${place}.sender`, hook);
}

function* checkSigned(path: string, { sender }: HookConfig): Generator<Fault> {
  if (sender.type !== 'hmac') return;
  const isTimed = sender.signed.includes('{{timestamp}}');
  if (isTimed && sender.timestamp === undefined) {
    yield {
      path: `${path}.timestamp`,
      message: 'missing: {{timestamp}} is signed, and nothing says which header holds it',
    };
  }
  if (!isTimed && sender.timestamp !== undefined) {
    const message =
      'the time is not signed, so whoever plays an event again can change it: expected {{timestamp}} in signed, or leave timestamp out';
    yield { path: `${path}.signed`, message };
  }
}
