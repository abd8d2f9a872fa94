import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { splitCells } from '../csv/split-cells.js';
import { FatalError } from '../errors.js';

/** What values become as they are made coarser, step by step: `Ulm;Bavaria …;Germany`. */
export interface Hierarchy {
  /** How many levels the file has, the first the finest. */
  readonly levels: number;
  /** By value, what it becomes. @param level from 1 on */
  at(level: number): ReadonlyMap<string, string>;
  /** Changes with what the file says, and tells nothing of it. */
  readonly fingerprint: string;
}

/** Bytes of a file, and characters of a cell: what a value becomes must fit where the value would. */
const LARGEST = 64 * 1024 * 1024;
const LONGEST = 200;

/**
 * A file of lines `value;level 1;level 2;…`, without a header, with commas if its first line has no semicolon. Each value has one line, no cell is empty,
 * and what is alike at a level is alike at all above it.
 * @throws FatalError saying what is wrong, and in which line; never what stands there
 */
export function readHierarchy(path: string): Hierarchy {
  const content = read(path);
  const wrong = (why: string) => unusable(path, why);
  const text = utf8(content, wrong).replace(/^\uFEFF/, '');
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === '') lines.pop();
  const [first = ''] = lines;
  const separator = first.includes(';') ? ';' : ',';
  const width = splitCells(first, separator).length;
  if (first === '') throw wrong('its first line is empty');
  if (width < 2) throw wrong('its first line has one cell: expected value;level 1;level 2 and so on');
  const levels = Array.from({ length: width - 1 }, () => new Map<string, string>());
  const above = levels.map(() => new Map<string, readonly [cell: string, line: number]>());
  for (const [index, line] of lines.entries()) {
    const at = index + 1;
    const cells = splitCells(line, separator);
    if (cells.length !== width) throw wrong(`line ${at} has ${cells.length} cells, and the first one ${width}`);
    for (const [column, cell] of cells.entries()) {
      const place = `cell ${column + 1} of line ${at}`;
      if (cell === '') throw wrong(`${place} is empty`);
      if (cell.trim() !== cell) throw wrong(`${place} has white space around it`);
      if (column > 0 && cell.length > LONGEST)
        throw wrong(`${place} has ${cell.length} characters: expected ${LONGEST} at most`);
    }
    const [value = '', ...steps] = cells;
    if (levels[0]?.has(value)) throw wrong(`the value of line ${at} is there before`);
    for (const [level, step] of steps.entries()) {
      levels[level]?.set(value, step);
      const next = steps[level + 1];
      if (next === undefined) continue;
      const [known = next, since] = above[level]?.get(step) ?? [];
      if (known !== next)
        throw wrong(`lines ${since} and ${at} are alike at level ${level + 1} and not at level ${level + 2}`);
      if (since === undefined) above[level]?.set(step, [next, at]);
    }
  }
  return {
    levels: levels.length,
    at: (level) => levels[level - 1] ?? new Map(),
    fingerprint: createHash('sha256').update(content).digest('hex'),
  };
}

/** The files of hierarchies, each read once, and as it was then. */
export class Hierarchies {
  readonly #read = new Map<string, Hierarchy>();

  /** @throws FatalError for a file that cannot be used */
  of(path: string): Hierarchy {
    const hierarchy = this.#read.get(path) ?? readHierarchy(path);
    this.#read.set(path, hierarchy);
    return hierarchy;
  }
}

/** Why a level of a hierarchy cannot be had, in words; undefined if it can. */
export function hierarchyFault(hierarchies: Hierarchies, path: string, level: number): string | undefined {
  try {
    const { levels } = hierarchies.of(path);
    return level <= levels ? undefined : `${path} has ${levels} levels, and no level ${level}`;
  } catch (error) {
    if (error instanceof FatalError) return error.message;
    throw error;
  }
}

function read(path: string): Buffer {
  try {
    const { size } = statSync(path);
    if (size > LARGEST) throw unusable(path, `it has ${size} bytes: expected ${LARGEST} at most`);
    return readFileSync(path);
  } catch (error) {
    if (error instanceof FatalError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw unusable(path, code === 'ENOENT' ? 'there is no such file' : `it cannot be read: ${message}`);
  }
}

function utf8(content: Buffer, wrong: (why: string) => FatalError): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    throw wrong('it is not UTF-8');
  }
}

const unusable = (path: string, why: string) =>
  new FatalError('hierarchy_unusable', `the hierarchy ${path} cannot be used: ${why}`);
