import { Option } from '@commander-js/extra-typings';
import type { PipelineConfig } from '@tributary/shared';
import type { Context } from '../shell/context.js';

/** A record, by the key under which its rows lie. */
export interface RecordName {
  readonly entity: string;
  readonly key: string;
}

/** `--protect`, for whoever knows a record by the key of its source alone. */
export const protectOption = () =>
  new Option('--protect', 'KEY is as the source has it: it is protected here first, with the keys that producers have');

/** What the keys of the source are protected with. */
export const PROTECT_VARIABLES = ['PRIVACY_HASH_KEY', 'PRIVACY_ENCRYPTION_KEYS'] as const;

/** @param isOfSource whether the key is still to be protected. @throws FatalError if it cannot be */
export async function recordNamed(
  { env }: Context,
  config: PipelineConfig,
  of: RecordName,
  isOfSource: boolean,
): Promise<RecordName> {
  const entity = Object.hasOwn(config.entities, of.entity) ? config.entities[of.entity] : undefined;
  if (!isOfSource || entity === undefined) return of;
  const { protectedKey, readProtectionKeys } = await import('@tributary/producer');
  return { entity: of.entity, key: protectedKey(of.entity, entity, of.key, readProtectionKeys(env)) };
}
