import { describe, expect, test } from 'vitest';
import { ConfigError, parsePipeline } from '../../src/index.js';

const FILE = `
entities:
  post: { dataset: posts, queue: posts, key: id, fields: { id: string } }
endpoints:
  posts: { url: "http://127.0.0.1:1/", entity: post }
`;

describe('a name that every object inherits', () => {
  test.each(['toString', 'valueOf', 'hasOwnProperty', 'isPrototypeOf'])('%s is told where it is wrong', (name) => {
    for (const wrong of [`${name}: 1`, `exports: { ${name}: { dataset: posts, format: csv, to: ./x } }`])
      expect(() => parsePipeline(`${FILE}${wrong}\n`, {}, 'test.yaml')).toThrow(ConfigError);
  });
});
