import { expect, test } from 'vitest';
import { Events } from '../../src/library/events.js';

const written = { dataset: 'posts', rows: [] };

function listenedTo() {
  const failed: unknown[] = [];
  return { events: new Events((error) => failed.push(error)), failed };
}

test('a listener hears what is told of its event until it is ended', () => {
  const { events } = listenedTo();
  const heard: unknown[] = [];
  const end = events.on('written', (event) => heard.push(event));
  events.on('error', (event) => heard.push(event));
  events.emit('written', written);
  end();
  end();
  events.emit('written', written);
  expect(heard).toEqual([written]);
  expect(events.has('written')).toBe(false);
});

test('a listener that fails keeps nothing from the others, and its failure is told as an error', async () => {
  const { events, failed } = listenedTo();
  const [errors, heard]: [Error[], unknown[]] = [[], []];
  events.on('error', (error) => errors.push(error));
  events.on('written', () => {
    throw new Error('first');
  });
  events.on('written', async () => {
    throw new Error('second');
  });
  events.on('written', (event) => heard.push(event));
  events.emit('written', written);
  await new Promise(setImmediate);
  expect(heard).toEqual([written]);
  expect(errors.map(({ message, cause }) => [message, (cause as Error).message])).toEqual([
    ['a listener of "written" has failed', 'first'],
    ['a listener of "written" has failed', 'second'],
  ]);
  expect(failed).toEqual([]);
});

test('what a listener of errors throws is told otherwise, and does not come round again', () => {
  const { events, failed } = listenedTo();
  const own = new Error('own');
  events.on('error', () => {
    throw own;
  });
  events.emit('error', new Error('a problem'));
  expect(failed).toEqual([own]);
});

test('without a listener of errors, what a listener throws is told otherwise', () => {
  const { events, failed } = listenedTo();
  const own = new Error('own');
  events.on('run', () => {
    throw own;
  });
  events.emit('run', { endpoint: 'a', run: 1, pages: 1, records: 0, published: 0, notModified: 0, durationMs: 1 });
  expect(failed).toEqual([own]);
});
