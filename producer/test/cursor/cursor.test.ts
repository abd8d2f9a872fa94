import { describe, expect, it } from 'vitest';
import { memoryCursorStore } from '../../src/cursor/cursor.js';
import { endpointWith } from '../support/pipeline.js';
import { describeCursorStore } from './cursor-conformance.js';

describeCursorStore('memory', async () => {
  const store = memoryCursorStore();
  return { store, reopened: async () => store };
});

describe('the fingerprint of an endpoint', () => {
  const url = 'http://127.0.0.1:1/customers';
  const plain = endpointWith({ url }).fingerprint;

  it.each([
    ['the URL', { url: `${url}2` }],
    ['the query', { url, query: { active: true } }],
    ['the paging', { url, paging: { type: 'link' } }],
    ['a header, which may name another tenant', { url, headers: { 'x-tenant': 'b' } }],
    ['the credentials, which may be of another account', { url, auth: { type: 'bearer', token: 'another' } }],
    ['the format', { url, format: 'ndjson' }],
    ['where the items lie', { url, items: '$.data' }],
    ['the incremental parameter', { url, incremental: { parameter: 'since' } }],
    ['the entity', { url, entity: 'inventory' }],
  ])('changes with %s', (_what, settings) => {
    expect(endpointWith(settings).fingerprint).not.toBe(plain);
  });

  it.each([
    ['how often it is polled', { url, schedule: { every: '5m' } }],
    ['how failures are met', { url, retries: 1, retryDelay: '1s', timeout: '5s' }],
  ])('does not change with %s', (_what, settings) => {
    expect(endpointWith(settings).fingerprint).toBe(plain);
  });
});
