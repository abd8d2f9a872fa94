import { createHmac, hkdfSync } from 'node:crypto';
import { FatalError, type Field, Hierarchies, hierarchiesOf, type ServiceEnvironment } from '@tributary/shared';

/** What values are encrypted with. Both are derived from one text, for purposes of their own. */
export interface EncryptionKey {
  /** Stands in each value, in the clear: letters, digits, dots, dashes and underscores. */
  readonly id: string;
  readonly key: Buffer;
  /** Makes the nonce of a value: the same value has the same one, so that its content hash stays. */
  readonly nonceKey: Buffer;
}

/** The keys and files that protections need, as far as this process has them. */
export interface ProtectionKeys {
  readonly hash?: Buffer | undefined;
  /** The first encrypts. */
  readonly encryption: readonly EncryptionKey[];
  readonly hierarchies?: Hierarchies | undefined;
}

export const NO_KEYS: ProtectionKeys = { encryption: [] };

/** Shorter texts can be guessed. */
const SHORTEST = 32;

/** @throws FatalError for a key that cannot be used; its words do not hold the key */
export function readProtectionKeys(env: ServiceEnvironment): ProtectionKeys {
  const { PRIVACY_HASH_KEY: hash, PRIVACY_ENCRYPTION_KEYS: encryption } = env;
  const written = (encryption ?? '').split(',').filter((one) => one.trim() !== '');
  const keys = written.map((one, index) => encryptionKeyOf(one.trim(), index + 1));
  const twice = keys.find(({ id }, index) => keys.findIndex((one) => one.id === id) !== index);
  if (twice !== undefined) throw invalid('PRIVACY_ENCRYPTION_KEYS', `two keys are called "${twice.id}"`);
  return {
    encryption: keys,
    hierarchies: new Hierarchies(),
    ...(hash && { hash: derive(longEnough('PRIVACY_HASH_KEY', hash, 'the key'), 'pseudonyms') }),
  };
}

/** Changes with the keys and files that new values of fields are protected with, and tells nothing of them. @throws FatalError for a file that cannot be used */
export function fingerprintOf(
  { hash, encryption: [first], hierarchies }: ProtectionKeys,
  fields: Readonly<Record<string, Field>>,
): readonly string[] {
  const keys = [hash, first?.key].map((key) =>
    key === undefined ? '' : createHmac('sha256', key).update('which').digest('hex'),
  );
  const files = [...hierarchiesOf(fields)].map(({ hierarchy }) => hierarchies?.of(hierarchy).fingerprint ?? '');
  return [...keys, ...files];
}

function encryptionKeyOf(written: string, place: number): EncryptionKey {
  const [, id, text] = /^([A-Za-z0-9._-]{1,40}):(.+)$/.exec(written) ?? [];
  if (id === undefined || text === undefined) {
    throw invalid('PRIVACY_ENCRYPTION_KEYS', `its key ${place} has no name: expected name:text, such as 2026:…`);
  }
  longEnough('PRIVACY_ENCRYPTION_KEYS', text, `the key "${id}"`);
  return { id, key: derive(text, 'encryption'), nonceKey: derive(text, 'nonces') };
}

const derive = (text: string, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', text, 'tributary privacy', purpose, 32));

function longEnough(variable: string, text: string, what: string): string {
  if (text.length >= SHORTEST) return text;
  const remedy = 'make one with: openssl rand -base64 32';
  throw invalid(variable, `${what} has ${text.length} characters, expected ${SHORTEST} at least; ${remedy}`);
}

const invalid = (variable: string, why: string) => new FatalError('protection_key_invalid', `${variable}: ${why}`);
