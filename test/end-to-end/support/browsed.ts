import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Viewports and colour schemes that every page must be usable in. */
export const SIZES = [
  { width: 360, height: 740 },
  { width: 1440, height: 900 },
] as const;
export const LOOKS = SIZES.flatMap((viewport) =>
  (['light', 'dark'] as const).map((colorScheme) => ({ viewport, colorScheme })),
);

/** As axe tells it, as far as it is asked. */
interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary?: string }[];
}

/**
 * A page of the dashboard in a context of its own, which its `context().close()` ends. Signed in, if a token is given.
 * @param complaints takes what the browser complains of: refused by the policy, thrown, not found
 */
export async function openPage(
  browser: Browser,
  url: string,
  { token, complaints, ...options }: BrowserContextOptions & { token?: string; complaints: string[] },
): Promise<Page> {
  // axe is put in from outside, which the page's own policy would refuse.
  const context = await browser.newContext({ viewport: SIZES[1], bypassCSP: true, ...options });
  if (token !== undefined) {
    const answer = await context.request.post(`${new URL(url).origin}/api/session`, { data: { token } });
    expect(answer.status()).toBe(200);
  }
  const page = await context.newPage();
  page.setDefaultTimeout(45_000);
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('ERR_NETWORK_CHANGED')) complaints.push(message.text());
  });
  await page.goto(url);
  return page;
}

/** Expects nothing that axe objects to, nothing that hangs over the edge, and nothing to press that is smaller than a finger needs. */
export async function expectUsable(page: Page): Promise<void> {
  await page.evaluate(axe);
  const violations = (await page.evaluate(
    `axe.run({ runOnly: ${JSON.stringify(RULES)}, rules: { 'target-size': { enabled: true } } }).then((found) => found.violations)`,
  )) as Violation[];
  const found = violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${page.url()}: ${id} at ${target.join(' ')}: ${failureSummary}`),
  );
  expect(found).toEqual([]);
  expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
}
