import { expect, test } from 'vitest';
import { createLogger, printable, printableJson, withoutPasswords } from '../../src/index.js';

const SECRET = 'hunter2';

test.for([
  ['amqp://user:hunter2@rabbit:5672/vhost', 'amqp://[secret]@rabbit:5672/vhost'],
  ['amqp://u:hunter2@a:5672,amqps://u:hunter2@b', 'amqp://[secret]@a:5672,amqps://[secret]@b'],
  ['redis://:hunter2@redis:6379/0', 'redis://[secret]@redis:6379/0'],
  ['redis+sentinel://u:hunter2@s1:26379,s2:26379/main', 'redis+sentinel://[secret]@s1:26379,s2:26379/main'],
  ['postgres://u:hunter2@a,b:5433/db?sslmode=require', 'postgres://[secret]@a,b:5433/db?sslmode=require'],
  ['postgres://a/db?user=u&password=hunter2&x=1', 'postgres://a/db?user=u&password=[secret]&x=1'],
  ['cannot use proxy http://u:hunter2@proxy:3128: refused', 'cannot use proxy http://[secret]@proxy:3128: refused'],
  ['https://hunter2@host/path', 'https://[secret]@host/path'],
  ['GET "https://host/x?token=hunter2" failed', 'GET "https://host/x?token=[secret]" failed'],
  ['"https://u:hunter2@host" and "http://host" of a@b', '"https://[secret]@host" and "http://host" of a@b'],
  // Characters that should have been encoded.
  ['redis://u:hun@ter2hunter2@host', 'redis://[secret]@host'],
  ['Invalid URL: amqp://u:hunter2/more@host:5672', 'Invalid URL: amqp://[secret]@host:5672'],
  ['amqp://u:#hunter2@host', 'amqp://[secret]@host'],
  ['postgres://u:hunter2?x@host/db', 'postgres://[secret]@host/db'],
] as const)('%s is told as %s', ([text, told]) => {
  expect(withoutPasswords(text)).toBe(told);
  expect(withoutPasswords(JSON.stringify({ text }))).toBe(JSON.stringify({ text: told }));
});

test.for([
  'http://host:8080/x?to=a@b.example',
  'http://[::1]:8080/a@b',
  'https://host/@scope/package, mail a@b.example',
  'GET https://host/users/a@b.example: 404',
  'from a@b.example to c@d.example',
  'expected redis://user:password@host:6379/0, or several: amqp://user:password@one,two',
])('%s has no password, and stays', (text) => {
  expect(withoutPasswords(text)).toBe(text);
});

test('a long line costs no more than its length', () => {
  const began = performance.now();
  withoutPasswords(`${'http://'.repeat(100_000)}${'x:'.repeat(200_000)}`);
  expect(performance.now() - began).toBeLessThan(2_000);
});

const HOSTILE = 'a\x1b]0;owned\x07\x1b[2Jb\x9b31mc\u202egnp.exe\u2066d\rover';

test('what a terminal would obey is shown as words, and lines and tabs stay', () => {
  expect(printable(`${HOSTILE}\n\tend\r\n`)).toBe(
    'a\\u001b]0;owned\\u0007\\u001b[2Jb\\u009b31mc\\u202egnp.exe\\u2066d\\u000dover\n\tend\r\n',
  );
  expect(JSON.parse(printable(JSON.stringify({ HOSTILE })))).toEqual({ HOSTILE });
});

test('JSON that is printed after it was parsed holds words too', () => {
  const parsed = JSON.parse(printableJson(printable(JSON.stringify({ text: `${HOSTILE}\\u001b\b\f\n` })))) as {
    text: string;
  };
  expect(printable(parsed.text)).toBe(parsed.text);
  expect(parsed.text).toContain('\\u001b]0;owned');
  expect(parsed.text.endsWith('\\u001b\\b\\f\n')).toBe(true);
});

test('a log redacts URLs in whatever it is given, and holds nothing that a terminal obeys', () => {
  const lines: string[] = [];
  const log = createLogger({ service: 'test', instance: 'i' }, { write: (line) => void lines.push(line) });
  log.error({ reason: `connect amqp://u:${SECRET}@h`, deep: { list: [`redis://:${SECRET}@h`] } }, HOSTILE);
  log.warn({ err: new Error(`Invalid URL 'postgres://u:${SECRET}/x@h'`) }, `proxy http://u:${SECRET}@h`);
  expect(lines.join('')).not.toContain(SECRET);
  expect(lines.join('').replaceAll('\n', '')).toBe(printable(lines.join('')).replaceAll('\n', ''));
  expect((JSON.parse(lines[0] ?? '') as { msg: string }).msg).toBe(HOSTILE);
});
