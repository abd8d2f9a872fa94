import { describe, expect, it } from 'vitest';
import { isCurl, parseCurl } from '../../src/discover/ask/curl.js';
import { wordsOf } from '../../src/discover/ask/words.js';

describe('the words of a command line', () => {
  it.each([
    [`a 'b c' "d e"`, ['a', 'b c', 'd e']],
    [`it's a'b`, ['its ab']],
    [String.raw`"say \"hi\"" \x 'as \n it is'`, ['say "hi"', 'x', String.raw`as \n it is`]],
    [String.raw`$'tab\there' $'it\'s' $'\u00e9\x41'`, ['tab\there', "it's", 'éA']],
    ['one \\\n  two ^\n three', ['one', 'two', 'three']],
    [`"$TOKEN" '$TOKEN' $filter`, [`\${TOKEN}`, '$TOKEN', '$filter']],
    [`''`, ['']],
  ])('are read as a shell reads them: %s', (line, words) => {
    expect(wordsOf(line)).toEqual(words);
  });

  it('are refused where a quotation mark is not closed', () => {
    expect(() => wordsOf(`curl 'https://x`)).toThrow(/quotation mark is not closed/);
  });
});

describe('a curl line', () => {
  it('is known by its first word', () => {
    expect([isCurl('curl https://x'), isCurl('$ curl -s x'), isCurl('https://curl.se/')]).toEqual([true, true, false]);
  });

  it('gives method, headers and a JSON body', () => {
    const line = `curl --request POST 'https://api.example.org/search' -H 'Content-Type: application/json' \\
      -H "Notion-Version: 2022-06-28" --data '{"page_size": 100}' --compressed -sS`;
    expect(parseCurl(line)).toEqual({
      url: 'https://api.example.org/search',
      method: 'POST',
      headers: { 'notion-version': '2022-06-28' },
      body: { page_size: 100 },
    });
  });

  it('puts data into the query with -G, encoded where that is asked for', () => {
    const line = `curl -G https://x.example/a?z=1 --data-urlencode "jql=updated > '2020'" -d limit=5`;
    expect(parseCurl(line)).toMatchObject({
      url: "https://x.example/a?z=1&jql=updated%20%3E%20'2020'&limit=5".replaceAll("'", "'"),
      method: 'GET',
    });
  });

  it('takes a user, a form, letters that stand together, and options joined with their values', () => {
    expect(parseCurl(`curl -sSLu me:pass:word -XPOST -d a=1 -d b=2 x.example/form`)).toEqual({
      url: 'https://x.example/form',
      method: 'POST',
      headers: {},
      form: { a: '1', b: '2' },
      auth: { type: 'basic', username: 'me', password: 'pass:word' },
    });
    expect(parseCurl(`curl --url=https://x.example/a --oauth2-bearer=abc`)).toMatchObject({
      url: 'https://x.example/a',
      auth: { type: 'bearer', token: 'abc' },
    });
  });

  it('knows a GraphQL query, and JSON that --json sends', () => {
    const query = 'query { things { id } }';
    expect(parseCurl(`curl https://x.example/graphql --json '${JSON.stringify({ query })}'`)).toMatchObject({
      method: 'POST',
      graphql: { query },
    });
  });

  it('ends at a pipe', () => {
    expect(parseCurl('curl https://x.example/a | jq .data')).toMatchObject({ url: 'https://x.example/a' });
  });

  it.each([
    ['curl -F file=@x https://x.example', /uploads a file/],
    ['curl -d @body.json https://x.example', /reads a file/],
    ['curl -s', /names no URL/],
    ['curl -X DELETE https://x.example', /not DELETE/],
    ['curl ftp://x.example', /http or https/],
  ])('is refused where a poll cannot send it: %s', (line, said) => {
    expect(() => parseCurl(line)).toThrow(said);
  });
});
