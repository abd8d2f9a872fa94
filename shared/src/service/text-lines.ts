import { StringDecoder } from 'node:string_decoder';

/**
 * The lines of a text that comes in pieces, without their `\n`, which alone ends one: Node's readline ends one at a lone `\r` too, and newer
 * versions of it at U+2028 and U+2029, which stand in texts as other letters do.
 */
export async function* textLines(content: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of content) {
    const [first = '', ...others] = decoder.write(chunk).split('\n');
    const lines = [rest + first, ...others];
    rest = lines.pop() ?? '';
    yield* lines;
  }
  rest += decoder.end();
  if (rest !== '') yield rest;
}
