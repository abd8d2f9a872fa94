import { isMapping } from '../records/own-value.js';

/** Settings that have another name now, by their old path, and the message for a file that still has the old name. */
const RENAMED: Readonly<Record<string, (value: unknown) => string>> = {
  merge(value) {
    const dataset = isMapping(value) && typeof value.dataset === 'string' ? value.dataset : 'DATASET';
    return `is called merges now, and names its dataset: write merges: { ${dataset}: { each: ..., with: ..., columns: ... } }`;
  },
};

/** The message for a setting that was renamed; undefined for any other. */
export const describeRenamed = (path: string, value: unknown): string | undefined =>
  Object.hasOwn(RENAMED, path) ? RENAMED[path]?.(value) : undefined;
