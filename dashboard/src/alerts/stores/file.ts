import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readText, replaceFile } from '@tributary/shared';
import { type AlertDocument, readDocument, type Silence } from '../document.js';
import type { AlertStore } from './store.js';

interface Kept {
  readonly document?: AlertDocument;
  readonly silences?: readonly Silence[];
}

/**
 * In a file beside the audit log, for a dashboard without a Redis that outlives it. It is held by whoever runs: two dashboards without a
 * Redis both send.
 */
export function fileAlertStore(path: string): AlertStore {
  let isHeld = false;
  let loading: Promise<void> | undefined;
  let kept: Kept = {};
  let writing: Promise<unknown> = Promise.resolve();
  const load = async () => {
    try {
      const found = JSON.parse(await readText(path)) as Kept & { document?: unknown };
      const document = readDocument(JSON.stringify(found.document ?? null));
      kept = { ...(document !== undefined && { document }), silences: found.silences ?? [] };
    } catch (error) {
      // A file that is no JSON is one of another program, or half of one: alerts that hold fire again.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && !(error instanceof SyntaxError)) throw error;
      kept = {};
    }
  };
  const write = (change: Kept) => {
    kept = { ...kept, ...change };
    const turn = writing.then(async () => {
      await mkdir(dirname(path), { recursive: true });
      await replaceFile(path, JSON.stringify(kept), 0o600);
    });
    writing = turn.catch(() => {});
    return turn;
  };
  const loaded = async () => {
    loading ??= load();
    await loading;
  };
  return {
    async hold() {
      if (isHeld) return 'kept';
      await loaded();
      isHeld = true;
      return { taken: kept.document };
    },
    async save(document) {
      await write({ document });
      return true;
    },
    async read() {
      await loaded();
      return kept.document;
    },
    async silences() {
      await loaded();
      return kept.silences ?? [];
    },
    async silence(silence) {
      await loaded();
      await write({ silences: [...(kept.silences ?? []), silence] });
    },
    async endSilence(id) {
      await loaded();
      await write({ silences: (kept.silences ?? []).filter((one) => one.id !== id) });
    },
    close: async () => {
      await writing;
    },
  };
}
