import { resolve, sep } from 'node:path';
import picomatch from 'picomatch';

/** A path with placeholders for names. */
export interface Glob {
  /** The folder that all matches lie below, absolute. */
  readonly base: string;
  /** @param name below the base, with `/` between */
  matches(name: string): boolean;
  /** Whether a match may lie below this folder. */
  goesInto(folder: string): boolean;
}

/** Programs that write or fetch files name them so until they are whole. */
const TEMPORARY = /(^|\/)\.|~$|\.(tmp|temp|part|partial|filepart|crdownload|swp)$/i;

export const isTemporary = (name: string): boolean => TEMPORARY.test(name);

/** @param path of this machine; a folder alone means all files in it */
export function compileGlob(path: string): Glob {
  const { base, glob } = splitGlob(path.split(sep).join('/'));
  return { base: resolve(base === '' ? '.' : base), ...matcherOf(glob) };
}

/** The part before the first placeholder, up to its last `/`, and the rest. */
export function splitGlob(path: string): { readonly base: string; readonly glob: string } {
  const first = path.search(/[*?[{(!]/);
  if (first === -1) {
    const end = path.lastIndexOf('/');
    if (path.endsWith('/')) return { base: path, glob: '*' };
    return { base: end === 0 ? '/' : path.slice(0, Math.max(end, 0)), glob: path.slice(end + 1) };
  }
  const end = path.lastIndexOf('/', first);
  return { base: end === 0 ? '/' : path.slice(0, Math.max(end, 0)), glob: path.slice(end + 1) };
}

export function matcherOf(glob: string): Omit<Glob, 'base'> {
  // With the flag, `**` takes a line break for any other character: a file with one in its name was left out in silence.
  const matches = picomatch(glob, { flags: 's' });
  const depth = glob.includes('**') ? Number.POSITIVE_INFINITY : glob.split('/').length - 1;
  return {
    matches: (name) => matches(name),
    goesInto: (folder) => folder.split('/').length <= depth && !folder.split('/').at(-1)?.startsWith('.'),
  };
}
