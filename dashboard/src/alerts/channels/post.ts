import { decodeUserInfo, withTimeout } from '@tributary/shared';
import { codeOf, NotTaken, SEND_WITHIN } from './channel.js';

/** Statuses that will be the same for the same body. An address or a right that is wrong may be mended meanwhile. */
const FINAL: readonly number[] = [400, 410, 413, 415, 422];

/**
 * Posts JSON to a URL of the pipeline file. Redirects are not followed: the file names who is told, and no receiver may send what it is told to
 * another place, such as one that only this machine can reach. Nothing of the answer is read but its status.
 *
 * @throws NotTaken
 */
export async function post(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  let answer: Response;
  try {
    const { place, authorization } = withoutUser(url);
    answer = await fetch(place, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', 'user-agent': 'tributary', ...authorization, ...headers },
      redirect: 'manual',
      signal: withTimeout(signal, SEND_WITHIN),
    });
  } catch (error) {
    throw new NotTaken(`it cannot be reached: ${codeOf(error)}`);
  }
  await answer.body?.cancel().catch(() => {});
  if (answer.ok) return;
  const { status } = answer;
  const why = status >= 300 && status < 400 ? `${status}, a redirect, which is not followed` : String(status);
  throw new NotTaken(`it answered ${why}`, FINAL.includes(status));
}

/** `fetch` takes no URL with a user: it goes into a header, as other clients do. */
function withoutUser(url: string): { place: URL; authorization: Readonly<Record<string, string>> } {
  const place = new URL(url);
  const [user, password] = [decodeUserInfo(place.username), decodeUserInfo(place.password)];
  place.username = '';
  place.password = '';
  if (user === '' && password === '') return { place, authorization: {} };
  return { place, authorization: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` } };
}
