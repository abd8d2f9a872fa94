import type { Figure } from '../../figure.js';
import { files } from './files.js';
import { postgresChanges } from './postgres-changes.js';
import { type SourceLine, sourceFigure } from './source.js';
import { sql } from './sql.js';
import { webhook } from './webhook.js';

/** What is read from other places than REST APIs, which `poll` measures. A kind of source adds its line here. */
const LINES: readonly SourceLine[] = [sql, files];

/** Events and changes are not read: they come. */
export const sourceFigures: readonly Figure[] = [...LINES.map(sourceFigure), postgresChanges, webhook];
