import { generateKeyPairSync } from 'node:crypto';
import { parsePipeline } from '@tributary/shared';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { cli } from '../../tributary/test/cli/support.js';
import {
  anchorsOf,
  blocksOf,
  commandsOf,
  type Document,
  documents,
  exists,
  files,
  linksOf,
  pathsOf,
  read,
} from './documents.js';

/** What npm itself does. */
const NPM = new Set(['ci', 'i', 'init', 'install', 'pack']);

const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

const find = (path: string): Document | undefined => documents.find((one) => one.path === path);

test('The README is short enough to be read', () => {
  expect(find('README.md')?.text.split('\n').length).toBeLessThan(150);
});

describe.each(documents.map((document) => [document.path, document] as const))('%s', (_path, document) => {
  test('links to files and headings that exist', () => {
    const broken = linksOf(document).filter((link) => {
      const [target = '', anchor] = link.split('#');
      if (!exists(target)) return true;
      const page = find(target);
      return anchor !== undefined && page !== undefined && !anchorsOf(page).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  test('names files and folders that exist, and marks those to come', () => {
    const wrong = pathsOf(document).filter(({ path, isToCome }) => exists(path) === isToCome);
    expect(wrong).toEqual([]);
  });

  test('names npm scripts that exist', () => {
    const named = commandsOf(document, /\bnpm (?:run (?:-s |--silent )?)?([a-z][a-z0-9:-]*)/g);
    expect(named.filter((name) => !NPM.has(name) && !(name in scripts))).toEqual([]);
  });

  test('names commands and options that tributary has', async () => {
    for (const { words, options } of tributaryCommandsOf(document)) {
      const { code, stdout } = await cli([...words, '--help'], { installed: true });
      expect({ words, code }).toEqual({ words, code: 0 });
      for (const option of options) expect(stdout, words.join(' ')).toContain(option);
    }
  });

  test('shows pipeline files that are valid', () => {
    for (const block of blocksOf(document, 'yaml')) {
      const env = Object.fromEntries([...block.matchAll(/\$\{(\w+)/g)].map(([, name = '']) => [name, valueFor(name)]));
      expect(() => parsePipeline(wholePipeline(block), env, document.path), block).not.toThrow();
    }
  });

  test('names environment variables that something reads', () => {
    const named = [...document.text.matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`/g)].map(([, name = '']) => name);
    expect(named.filter((name) => !sources.includes(name))).toEqual([]);
  });
});

/** Each `npx tributary COMMAND [COMMAND] ... --option` of a document: its commands, and its options. */
function tributaryCommandsOf(document: Document): { readonly words: string[]; readonly options: string[] }[] {
  return commandsOf(document, /\bnpx tributary ([^`#|&\n]*)/g).map((line) => {
    const [first = '', second = ''] = line.trim().split(/\s+/);
    const isGroup = GROUPS.has(first) && /^[a-z]/.test(second);
    return {
      words: [first, ...(isGroup ? [second] : [])].filter((word) => /^[a-z]/.test(word)),
      options: [...line.matchAll(/--[a-z-]+/g)].map(([option]) => option),
    };
  });
}

/** Commands that are followed by another. */
const GROUPS = new Set(['endpoints', 'dead-letters', 'audit-log', 'privacy']);

/** A private key must be one. */
const valueFor = (name: string): string => (name.endsWith('_PEM') ? PEM : 'a-value-long-enough');
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PEM = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));

/** A part of a pipeline file, such as `limits`, is checked as a part of the README's example. */
function wholePipeline(block: string): string {
  const part = parse(block) as Record<string, unknown>;
  if ('entities' in part) return block;
  const [example = ''] = blocksOf({ path: 'README.md', text: read('README.md') }, 'yaml');
  return stringify({ ...(parse(example.replaceAll(/\$\{\w+\}/g, 'value')) as object), ...part });
}

/** Everything that may read an environment variable. */
const sources = files
  .filter((path) => /\.(ts|yml|yaml|sh|conf|example)$/.test(path) || path.endsWith('Dockerfile'))
  .map(read)
  .join('\n');
