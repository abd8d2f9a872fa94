import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** The top of the checkout. */
export const root = join(import.meta.dirname, '..', '..');

/** Folders that hold nothing of the sources, wherever they are. */
const MADE = new Set(['node_modules', 'dist', '.git', 'coverage']);

/** What a pipeline writes at the top of the checkout. */
const WRITTEN = new Set(['output', 'audit']);

/** A document that people read. */
export interface Document {
  /** From the top of the checkout. */
  readonly path: string;
  readonly text: string;
}

/** The files and folders of the checkout, from its top; folders end in a slash. */
export const files: readonly string[] = list(root);

export const documents: readonly Document[] = files
  .filter((path) => path.endsWith('.md'))
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));

export const read = (path: string): string => readFileSync(join(root, path), 'utf8');

function list(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !MADE.has(name) && !(folder === root && WRITTEN.has(name)))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      const own = relative(root, path);
      return entry.isDirectory() ? [`${own}/`, ...list(path)] : [own];
    });
}

/** A document's relative links, each as `path#anchor` from the top of the checkout. */
export function linksOf({ path, text }: Document): string[] {
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => (target.startsWith('#') ? `${path}${target}` : join(dirname(path), target)));
}

/** The anchors of a document's headings, as GitHub makes them. */
export function anchorsOf({ text }: Document): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );
}

/** The fenced blocks of a language. */
export function blocksOf({ text }: Document, language: string): string[] {
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter(([, found]) => found === language)
    .map(([, , block = '']) => block);
}

/** What the pattern's group finds in the commands of a document: in backticks, or on indented lines. */
export function commandsOf({ text }: Document, pattern: RegExp): string[] {
  const code = [...text.matchAll(/^ {4}.*$|`[^`\n]+`/gm)].map(([found]) => found).join('\n');
  return [...code.matchAll(pattern)].map(([, name = '']) => name);
}

/** A path in backticks. One that does not exist yet is followed by "(to come)". */
export interface NamedPath {
  readonly path: string;
  readonly isToCome: boolean;
}

/** The paths and the names of code files in a document's backticks; they may hold `{a,b}`, `*` and `<placeholder>`. */
export function pathsOf({ text }: Document): NamedPath[] {
  const prose = text.replaceAll(/^```.*?^```$/gms, '');
  const folders = new Set(files.filter((path) => /^[^/]+\/$/.test(path)));
  return [...prose.matchAll(/`([^`\n]+)`( \(to come\))?/g)]
    .map(([, path = '', toCome]) => ({ path, isToCome: toCome !== undefined }))
    .filter(({ path }) => {
      if (!/^[\w./{}<>*,@-]+$/.test(path)) return false;
      return folders.has(`${path.split('/')[0]}/`) ? path.includes('/') : /^[\w{},*-]+\.(ts|js|lua|css)$/.test(path);
    });
}

/** Whether a file or folder is there; a bare name may lie in any folder. */
export function exists(path: string): boolean {
  const pattern = path
    .replaceAll(/[.+^$()|[\]\\]/g, '\\$&')
    .replaceAll(/\{([^}]+)\}/g, (_, choices: string) => `(?:${choices.replaceAll(',', '|')})`)
    .replaceAll('*', '[^/]*')
    .replaceAll(/<[^>]+>/g, '[^/]+');
  const matcher = new RegExp(path.includes('/') ? `^${pattern}/?$` : `(?:^|/)${pattern}$`);
  return files.some((file) => matcher.test(file));
}
