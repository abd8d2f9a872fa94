import { join } from 'node:path';
import type { Browser } from 'playwright-core';

/** One picture of one view. */
export interface Shot {
  readonly name: string;
  readonly path: string;
  /** What is there when the view is. */
  readonly ready: string;
  readonly width: number;
  readonly scheme: 'light' | 'dark';
  /** A link to follow before the picture is taken. */
  readonly click?: string;
  /** What is changed in the editor, and into what. */
  readonly mend?: readonly [from: string, to: string];
  /** Something to unfold. */
  readonly open?: string;
  /** What is there when all of that has come. */
  readonly shown?: string;
}

/** Milliseconds that a view gets to come to rest. */
const SETTLE = 2_500;

/** @returns the names of the pictures, in the order they were taken */
export async function takeShots(
  browser: Browser,
  url: string,
  folder: string,
  shots: readonly Shot[],
): Promise<string[]> {
  const taken: string[] = [];
  for (const { name, path, ready, width, scheme, click, mend, open, shown } of shots) {
    const height = width < 500 ? 780 : 860;
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
    const page = await context.newPage();
    await page.goto(url + path);
    await page.locator(ready).first().waitFor();
    if (click !== undefined) await page.locator(click).first().click();
    if (open !== undefined) await page.locator(open).click();
    if (mend !== undefined) {
      const editor = page.locator('.editor');
      await editor.fill((await editor.inputValue()).replace(...mend));
    }
    if (shown !== undefined) await page.locator(shown).first().waitFor();
    await page.waitForTimeout(SETTLE);
    await page.screenshot({ path: join(folder, `${name}.png`) });
    await context.close();
    taken.push(name);
  }
  return taken;
}
