import type { SourceKind } from '@tributary/shared';
import { filesMirror } from './files.js';
import type { MirrorKind } from './mirror.js';
import { changesMirror } from './postgres-changes.js';
import { restMirror } from './rest.js';
import { sqlMirror } from './sql/sql.js';
import { webhookMirror } from './webhook.js';

/** A source whose place can be filled from outside: what a program reads, only that program knows. */
export type MirroredSource = Exclude<SourceKind, 'program'>;

/** Where else the CRM's records are, for each kind of source. How a kind is added: see {@link MirrorKind}. */
export const MIRRORS = {
  rest: restMirror,
  sql: sqlMirror,
  webhook: webhookMirror,
  files: filesMirror,
  'postgres-changes': changesMirror,
} as const satisfies Record<MirroredSource, MirrorKind>;

export const isMirrored = (name: string): name is MirroredSource => Object.hasOwn(MIRRORS, name);
