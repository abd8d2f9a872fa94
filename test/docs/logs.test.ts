import { expect, test } from 'vitest';
import { files, read } from './documents.js';

const CALL = /\blog(?:ger)?\??\.(?:trace|debug|info|warn|error|fatal)\(\s*\{/gi;

/** The names of the fields of a literal that begins at a place of a text, but for those within fields. */
function namesAt(text: string, start: number): string[] {
  const parts = [''];
  for (let at = start, depth = 1; at < text.length; at++) {
    const character = text[at] ?? '';
    if ('{[('.includes(character)) depth += 1;
    if ('}])'.includes(character)) depth -= 1;
    if (depth === 0) break;
    if (character === ',' && depth === 1) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts.flatMap((part) => /^\s*(\w+)\s*(?::|$)/.exec(part)?.[1] ?? []);
}

test('docs/operating/logs.md lists every field that a service logs', () => {
  const listed = new Set(
    [...read('docs/operating/logs.md').matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, names = '']) =>
      [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    ),
  );
  const logged = files
    .filter((path) => /^(shared|producer|consumer|dashboard|mock-api)\/src\/.*\.ts$/.test(path))
    .flatMap((path) => {
      const text = read(path);
      return [...text.matchAll(CALL)].flatMap((call) =>
        namesAt(text, call.index + call[0].length).map((name) => ({ path, name })),
      );
    });
  expect(logged.length).toBeGreaterThan(100);
  expect(logged.filter(({ name }) => !listed.has(name))).toEqual([]);
});
