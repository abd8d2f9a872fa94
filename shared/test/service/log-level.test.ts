import { expect, test } from 'vitest';
import { levelOf } from '../../src/service/log-level.js';

test.each([
  [undefined, 'consumer', 'info'],
  ['', 'consumer', 'info'],
  ['debug', 'consumer', 'debug'],
  ['consumer=debug', 'consumer', 'debug'],
  ['consumer=debug', 'producer', 'info'],
  ['warn, consumer = debug', 'producer', 'warn'],
  ['consumer=debug,warn', 'consumer', 'debug'],
  ['mock-api=silent,producer=trace', 'producer', 'trace'],
])('LOG_LEVEL %j gives %s the level %s', (text, service, level) => {
  expect(levelOf(text, service, 'info')).toBe(level);
});

test.each([
  ['loud', 'LOG_LEVEL: expected one of trace, debug, info, warn, error, fatal, silent, found "loud"'],
  ['consumer=loud', 'found "loud"'],
  ['consumr=debug', 'before a "=" expected one of producer, consumer, dashboard, mock-api, found "consumr"'],
  ['warn,', undefined],
])('LOG_LEVEL %j is refused: %s', (text, words) => {
  const read = () => levelOf(text, 'producer', 'info');
  if (words === undefined) expect(read()).toBe('warn');
  else expect(read).toThrow(words);
});
