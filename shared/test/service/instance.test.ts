import { instanceName, readInstance } from '@tributary/shared';
import { describe, expect, it } from 'vitest';

describe('the name of an instance', () => {
  it.each(['consumer-1', 'pod-7f9c6d5b4-x2x9z', 'host.example.org', 'A_b.3'])(
    'stays as it is where it fits: %s',
    (name) => {
      expect(instanceName(name)).toBe(name);
    },
  );

  it.each(['x'.repeat(300), 'blue team/one', 'two  words', 'größe', '../../etc', 'a\nb', '日本'])(
    'fits everywhere, and stays different from others: %s',
    (name) => {
      expect(instanceName(name)).toMatch(/^[A-Za-z0-9._-]{1,60}$/);
      expect(instanceName(name)).toBe(instanceName(name));
      expect(instanceName(name)).not.toBe(instanceName(`${name}!`));
      expect(instanceName(name)).not.toBe(instanceName(`${name} `));
    },
  );

  it('is that of the host where none is given, or only blanks', () => {
    expect(readInstance({ INSTANCE_ID: '  ' })).toBe(readInstance({}));
  });
});
