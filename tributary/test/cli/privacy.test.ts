import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { cli } from './support.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-privacy-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const PEOPLE = Array.from({ length: 20 }, (_, index) => ({
  id: `P-${index}`,
  contact: { mail: `secret.person${index}@example.org` },
  born: `19${50 + index}-03-04`,
  zip: `803${10 + index}`,
  hidden: `+49 170 12345${10 + index}`,
  colour: 'red',
}));

it('privacy scan of an endpoint tells what is likely of people, with the line to add, and shows and keeps no value', async () => {
  const server = createServer((_, response) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify(PEOPLE)),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const file = join(folder, 'pipeline.yaml');
    writeFileSync(
      file,
      `entities:
  person:
    dataset: people
    queue: people
    key: id
    fields: { id: string, mail: string? $.contact.mail, born: date?, zip: { type: string?, protect: { type: generalise, first: 2 } }, colour: string? }
endpoints:
  crm: { url: "http://127.0.0.1:${(server.address() as AddressInfo).port}/people", entity: person }
`,
    );
    const AUDIT_LOG = join(folder, 'audit.jsonl');
    const { code, stdout, stderr } = await cli(['privacy', 'scan', 'crm', '--config', file], { env: { AUDIT_LOG } });
    expect(stderr).not.toContain('error');
    expect(code).toBe(0);
    expect(stdout).toContain('endpoint crm: 20 records, 6 columns');
    expect(stdout).toContain('mail: { type: string?, from: "$.contact.mail", protect: hash }');
    expect(stdout).toContain('born: { type: date?, protect: { type: generalise, to: year } }');
    expect(stdout).toMatch(/zip: postal codes .*\n\s+protected/);
    expect(stdout).toMatch(/hidden: phone numbers .*\n\s+not declared: it stays in the producer/);
    expect(stdout).toContain('6  e-mail addresses: crm.contact.mail');
    expect(stdout).toContain('17  full-face photographs: nothing found');
    const audit = readFileSync(AUDIT_LOG, 'utf8');
    expect(audit).toContain('"action":"privacy scan"');
    for (const text of [stdout, stderr, audit]) expect(text).not.toMatch(/secret\.person|1950-03-04|80310|12345/);
    const json = JSON.parse(
      (await cli(['privacy', 'scan', 'crm', '--json', '--config', file], { env: { AUDIT_LOG } })).stdout,
    ) as {
      readonly scanned: readonly {
        readonly found: readonly { readonly column: string; readonly confidence: number }[];
      }[];
      readonly safeHarbor: readonly unknown[];
    };
    expect(json.safeHarbor).toHaveLength(18);
    expect(json.scanned[0]?.found[0]?.confidence).toBeGreaterThan(0.9);
    expect(await cli(['privacy', 'scan', 'nobody', '--config', file], { env: { AUDIT_LOG } })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no endpoint and no dataset of an entity "nobody"'),
    });
  } finally {
    server.close();
  }
});
