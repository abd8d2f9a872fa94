import { type Browser, chromium } from 'playwright-core';
import { findOrInstall } from './apt.js';
import { onPath } from './binaries.js';
import { type Say, sayOnConsole } from './handle.js';

/** What a browser that tests drive needs, and what it shall not do by itself: talk to its maker. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--mute-audio',
];

/** A headless Chromium: this machine's, or with apt-get Debian's. It has a profile of its own, which goes with it. */
export async function startChromium(say: Say = sayOnConsole): Promise<Browser> {
  const find = () => onPath('chromium') ?? onPath('chromium-browser') ?? onPath('google-chrome');
  const executablePath = await findOrInstall(find, ['chromium'], say);
  return await chromium.launch({ executablePath, args: ARGUMENTS });
}
