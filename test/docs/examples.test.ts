import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parsePipeline } from '@tributary/shared';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = join(ROOT, 'examples');
const examples = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));

describe('the examples', () => {
  it.each(examples)(
    '%s is valid without a setting from the environment, and says where its API is described',
    (name) => {
      const text = readFileSync(join(FOLDER, name), 'utf8');
      expect(text).toMatch(
        /^# yaml-language-server: \$schema=\.\.\/docs\/reference\/pipeline\.schema\.json\n# .+\n# https:\/\//,
      );
      const { endpoints } = parsePipeline(text, {}, name);
      expect(Object.keys(endpoints)).not.toEqual([]);
    },
  );

  it('are all named in docs/own-api.md', () => {
    const document = readFileSync(join(ROOT, 'docs', 'own-api.md'), 'utf8');
    expect(examples.filter((name) => !document.includes(`../examples/${name}`))).toEqual([]);
  });
});
