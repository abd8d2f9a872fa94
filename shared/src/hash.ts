import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';

/**
 * The content hash of a row: SHA-256, in hex, over the RFC 8785 canonical JSON of `{entity, key, payload}`. When it was
 * fetched or written is not part of it. The hash of a merged row names its dataset as the entity; that of a
 * tombstone (a row that closes its key) has the payload null.
 */
export function contentHash(entity: string, key: string, payload: Readonly<Record<string, unknown>> | null): string {
  return hash('sha256', canonicalize({ entity, key, payload }) ?? '');
}
