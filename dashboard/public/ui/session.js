import { get, post, remove } from './api.js';
import { whileAttended } from './attendance.js';
import { h, setText } from './dom.js';
import { sentence } from './format.js';

const RANK = { viewer: 0, operator: 1, admin: 2 };

/** The person at this page, and what they may do. */
export const session = {
  name: null,
  role: null,
  signedIn: false,
  mayRead: true,
  canSignIn: false,
  may: (role) => session.role !== null && session.name !== 'anybody' && RANK[session.role] >= RANK[role],
};

export async function loadSession() {
  Object.assign(session, await get('/session'));
}

// A person who only watches asks for nothing, and would be signed out.
whileAttended(() => {
  if (session.signedIn) void get('/session').catch(() => {});
});

/** The button that shows who is signed in, and signs in or out. @param {() => void} onChange */
export function accountButton(onChange) {
  const label = session.signedIn ? `${session.name} · ${session.role}` : 'Sign in';
  const act = async () => {
    if (!session.signedIn) return askForToken(onChange);
    await remove('/session');
    await loadSession();
    onChange();
  };
  const title = session.signedIn ? `Sign out ${session.name}` : 'Sign in with a token to make changes';
  return h(
    'button',
    { type: 'button', class: 'account', title, onclick: act },
    session.signedIn ? h('span', { class: 'account-name' }, label, ' ') : label,
    session.signedIn && h('span', { class: 'faint' }, 'sign out'),
  );
}

/**
 * Asks for a token in a dialog.
 *
 * @param {() => void} onChange called when a person has signed in
 * @returns {Promise<void>} resolves when the dialog is closed
 */
export function askForToken(onChange) {
  const problem = h('p', { class: 'notice bad', hidden: true, role: 'alert' });
  const token = h('input', {
    class: 'control',
    type: 'password',
    autocomplete: 'current-password',
    'aria-label': 'Token',
    placeholder: 'Token',
    required: true,
  });
  const dialog = h(
    'dialog',
    { class: 'small-dialog', 'aria-labelledby': 'sign-in-title' },
    h(
      'form',
      { method: 'dialog', onsubmit: submit },
      h('h2', { id: 'sign-in-title' }, 'Sign in'),
      h(
        'p',
        { class: 'quiet' },
        'Enter the token that npm start prints, or a token from DASHBOARD_OPERATOR_TOKEN or DASHBOARD_ADMIN_TOKEN. The browser does not keep the token, only a session.',
      ),
      token,
      problem,
      h(
        'p',
        { class: 'buttons' },
        h('button', { type: 'button', class: 'control', onclick: () => dialog.close() }, 'Cancel'),
        h('button', { type: 'submit', class: 'control primary' }, 'Sign in'),
      ),
    ),
  );
  async function submit(event) {
    event.preventDefault();
    try {
      Object.assign(session, await post('/session', { token: token.value.trim() }));
      dialog.close();
      onChange();
    } catch (failure) {
      setText(problem, sentence(failure.message));
      problem.hidden = false;
      token.select();
    }
  }
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve();
    });
  });
}
