/**
 * The queries that a person has run in this tab. The address holds the query, so a link from anywhere would otherwise make whoever follows it
 * ask all datasets, under their name in the audit log.
 */
const KEY = 'queries run here';
/** The last ones, which is as far as anybody goes back. */
const MOST = 50;

let all = kept();

function kept() {
  try {
    const read = JSON.parse(sessionStorage.getItem(KEY) ?? '[]');
    return Array.isArray(read) ? read : [];
  } catch {
    return [];
  }
}

export const hasRun = (query) => all.includes(query);

export function rememberRun(query) {
  all = [...all.filter((one) => one !== query), query].slice(-MOST);
  try {
    sessionStorage.setItem(KEY, JSON.stringify(all));
  } catch {
    // The tab's store is full: after a reload the query waits once more.
  }
}
