import { describeError, RetryableError } from '@tributary/shared';
import { XMLParser } from 'fast-xml-parser';
import type { BodyFormat, RecordSettings } from './format.js';
import { recordFinder } from './records-at.js';

/** One XML document, with records in it. */
export function xmlFormat(_kind: unknown, settings: RecordSettings): BodyFormat {
  const find = recordFinder(settings, true);
  return {
    accept: 'application/xml, text/xml, application/rss+xml, application/atom+xml, */*;q=0.5',
    read: (answer, excerpt) => find(parseXml(answer.text), { status: answer.status, excerpt }),
  };
}

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  // Fields say what is a number; "0012" and "1.10" stay as they are written.
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: true,
  // Numeric references too: &#39; stands in many feeds.
  htmlEntities: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
});

/**
 * An XML document as values that paths can walk: an element is its text, or, with children or attributes, an object of
 * these, with `@name` for an attribute and `#text` for its text. Elements of one name beside each other are a list.
 * Prefixes stay part of the name: `$.item['dc:creator']`.
 *
 * @throws RetryableError if the text is no XML; a proxy or a login page sends such a body, and it may be better next time
 */
export function parseXml(text: string): unknown {
  try {
    return parser.parse(text, true);
  } catch (cause) {
    throw new RetryableError('not_xml', `the body is no XML: ${describeError(cause)}`, { cause });
  }
}
