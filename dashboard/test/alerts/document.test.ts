import { describe, expect, it } from 'vitest';
import { channelOf, knownChannel, newDocument, readDocument } from '../../src/alerts/document.js';

describe('what alerts keep', () => {
  it.each(['constructor', 'valueOf', 'toString'])('counts for a channel that is called %s', (name) => {
    const document = newDocument(0);
    expect(knownChannel(document, name)).toBeUndefined();
    channelOf(document, name).sent += 1;
    expect(JSON.parse(JSON.stringify(document)).channels[name]).toMatchObject({ sent: 1 });
  });

  it.each([
    '{"format":1,"waiting":5}',
    '{"format":1,"alerts":[]}',
    '{"format":1,"history":"x"}',
    '{"format":1,"since":"x"}',
    '[]',
    'null',
  ])('%s is no document, and begins anew', (text) => expect(readDocument(text)).toBeUndefined());

  it('is read as it was written', () => {
    const document = newDocument(7);
    channelOf(document, 'hook').failed = 2;
    expect(readDocument(JSON.stringify(document))).toEqual(document);
  });
});
