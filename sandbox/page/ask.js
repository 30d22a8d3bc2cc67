// What the page asks of the sandbox, by the controls that doc/sandbox.md lists.

import { toast } from './dom.js';
import { t } from './words.js';

// ask posts fields to a control and returns its answer, or null after showing why it was refused.
export async function ask(path, fields = {}) {
	try {
		const answer = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(fields) });
		const body = await answer.json();
		if (answer.ok) return body;
		toast(body.error);
	} catch {
		toast(t('noAnswer'));
	}
	return null;
}

// look gets what a control shows, or null.
export async function look(path) {
	try {
		const answer = await fetch(path);
		return answer.ok ? await answer.json() : null;
	} catch {
		return null;
	}
}
