import { describe, expect, it } from 'vitest';
import { parseXml } from '../../../../src/sources/rest/formats/xml.js';

describe('an XML body', () => {
  it('is read as values that a path can walk, texts as they are written', () => {
    const text =
      '<?xml version="1.0"?><rss version="2.0"><channel><item><guid isPermaLink="true">x/1</guid><n>0012.50</n>' +
      '<title>A &amp;amp; &#39;b&#x27;</title><description><![CDATA[<p>Hi &amp;</p>]]></description><dc:creator>me</dc:creator>' +
      '<e/></item><item><n>2</n></item></channel></rss>';
    expect(parseXml(text)).toEqual({
      rss: {
        '@version': '2.0',
        channel: {
          item: [
            {
              guid: { '#text': 'x/1', '@isPermaLink': 'true' },
              n: '0012.50',
              title: "A &amp; 'b'",
              description: '<p>Hi &amp;</p>',
              'dc:creator': 'me',
              e: '',
            },
            { n: '2' },
          ],
        },
      },
    });
  });

  it('is refused when it is no XML, or was cut off', () => {
    for (const text of [
      '',
      'not xml',
      '<a><b>1</b>',
      '<html><body>Please sign in<br></body></html>',
      '<a>x</a><b>y</b>',
    ]) {
      expect(() => parseXml(text), text).toThrow(/^the body is no XML/);
    }
  });

  it('does not grow by entities of its own, and reaches no prototype', () => {
    const bomb =
      '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]><r>&c;</r>';
    expect(JSON.stringify(parseXml(bomb)).length).toBeLessThan(100);
    expect(() => parseXml('<a><__proto__><x>1</x></__proto__></a>')).toThrow(/__proto__/);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});
