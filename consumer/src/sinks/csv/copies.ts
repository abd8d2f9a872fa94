import { join, resolve } from 'node:path';
import type { SinkConfig } from '@tributary/shared';
import type { CopiesParts, OutputCopies } from '../copies/port.js';
import { checkNames, endCsv, entriesOf, restoreCsv, restoringCsv, setCsvAside } from './copies-restore.js';
import { saveCsv } from './copies-save.js';
import { readIfThere } from './files.js';

export function csvCopies({ directory }: SinkConfig['csv'], { datasets }: CopiesParts): OutputCopies {
  return {
    place: resolve(directory),
    identity: () => readIfThere(join(directory, '.tributary', 'sink-id')),
    save: (into, signal) => saveCsv(directory, datasets, into, signal),
    async holds() {
      const entries = await entriesOf(directory);
      if (entries.length === 0) return undefined;
      const more = entries.length > 5 ? `, and ${entries.length - 5} more` : '';
      return `the folder ${resolve(directory)} holds ${entries.slice(0, 5).join(', ')}${more}`;
    },
    check: checkNames,
    restoring: () => restoringCsv(directory),
    setAside: (name) => setCsvAside(directory, name),
    restore: (from, name, signal) => restoreCsv(directory, from, name, signal),
    ended: () => endCsv(directory),
  };
}
