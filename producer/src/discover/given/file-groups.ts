import { basename } from 'node:path';
import { formatNamed } from '../../sources/files/formats/detect.js';

/** Files that hold the same kind of records, by their names. */
export interface FileGroup {
  /** What the records may be called: the name without numbers, days and endings. */
  readonly name: string;
  /** Below the place, with `*` for what differs: all of them, and none of another group. */
  readonly pattern: string;
  readonly files: readonly string[];
}

/** Days, times and running numbers, and what stands between them. */
const CHANGING =
  /[-_.]?(\d{4}-?\d\d-?\d\d([T_-]?\d\d[-_:]?\d\d([-_:]?\d\d)?Z?)?|\d+|part-\d+|[0-9a-f-]{32,36})(?=[-_.]|$)/gi;
/** In the name of a file, behind its folders. */
const DATED = /\d{4}-?\d\d-?\d\d[\d_.T-]*(?=[^/]*$)(?<!\.)/;
const ENDINGS = /(\.(csv|tsv|tab|psv|txt|json|ndjson|jsonl|parquet|pq|gz|gzip|zst|zstd))+$/i;

/** Groups the names of files that can be read, the largest group first. @param names below a folder, with `/` between */
export function groupsOf(names: readonly string[]): FileGroup[] {
  const groups = new Map<string, { name: string; files: string[] }>();
  for (const name of names) {
    if (formatNamed(name) === undefined) continue;
    const file = basename(name);
    const stem = file.replace(ENDINGS, '').replace(CHANGING, '');
    const kind = `${stem.toLowerCase()} ${formatNamed(name)}`;
    const group = groups.get(kind) ?? { name: stem, files: [] };
    group.files.push(name);
    groups.set(kind, group);
  }
  return [...groups.values()]
    .map(({ name, files }) => ({ name, files, pattern: patternOf(files, names) }))
    .toSorted((a, b) => b.files.length - a.files.length);
}

/** What the files of tomorrow will be called too: what they begin and end with, without days and numbers, and `*` between. */
function patternOf(files: readonly string[], all: readonly string[]): string {
  const [first = ''] = files;
  if (files.length === 1) return DATED.test(basename(first)) ? first.replace(DATED, '*') : first;
  const folders = new Set(files.map((file) => file.slice(0, -basename(file).length)));
  const [folder = ''] = folders;
  const bases = files.map((file) => basename(file));
  const begin = shared(bases, (text, length) => text.slice(0, length));
  const end = shared(bases, (text, length) => text.slice(text.length - length));
  const least = Math.min(...bases.map((base) => base.length));
  const head = begin.replace(/\d[\d_.T-]*$/, '');
  const tail = end.slice(Math.max(0, head.length + end.length - least)).replace(/^\d+/, '');
  const place = folders.size === 1 ? folder : '**/';
  const isAlone = files.length === all.length;
  return isAlone && head === '' && tail === '' ? `${place}*` : `${place}${head}*${tail}`;
}

function shared(texts: readonly string[], part: (text: string, length: number) => string): string {
  const [first = ''] = texts;
  for (let length = first.length; length > 0; length--) {
    const wanted = part(first, length);
    if (texts.every((text) => text.length >= length && part(text, length) === wanted)) return wanted;
  }
  return '';
}
