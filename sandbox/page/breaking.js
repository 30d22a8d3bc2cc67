// The strip that breaks things, and the counts that show what became of every SMS.

import { ask } from './ask.js';
import { byID, el, list, toast } from './dom.js';
import { set, state, watch } from './state.js';
import { moment, number, t } from './words.js';

export function startBreaking() {
	watch(drawFold);
	watch(drawCounts);
	watch(drawBrief);
	watch(drawBreaks);
	watch(drawBridge);
	watch(drawClock);
	byID('unfold').addEventListener('click', () => set({ unfolded: !state.unfolded }));
	byID('mend').addEventListener('click', async () => { await mend(); toast(t('mended')); });
	for (const event of ['focusin', 'mouseover']) byID('breaks').addEventListener(event, (e) => explain(e.target.closest('[data-way]')));
}

// Folded, the strip is one line: what is where, and what is broken.

function drawFold() {
	byID('breaking').classList.toggle('unfolded', state.unfolded);
	byID('unfold').setAttribute('aria-expanded', String(state.unfolded));
}

// In brief each sum says its whole and what became of it; what is nothing is left out.
function drawBrief() {
	const armed = groups.flatMap((g) => g.ways.filter((w) => w.on?.()).map((w) => [g, w]));
	list(byID('brief'), [...sums.map((s) => ({ key: s.name, sum: s })), ...armed.map(([g, w]) => ({ key: g.name + idOf(w), group: g, way: w }))], {
		key: (r) => r.key,
		version: (r) => [state.language, ...(r.sum ? figures(r.sum).map((p) => state.counts[p]) : [])].join(),
		make: (r) => r.way
			? el('li', { class: 'armed' }, t('breaks.' + r.group.name), ': ', r.way.code ? el('bdi', { dir: 'ltr' }, r.way.code) : t('way.' + r.way.name))
			: el('li', {}, el('b', {}, t('sum.' + r.sum.name)), ' ', figures(r.sum).filter((p, i) => i === 0 || state.counts[p] > 0).map((p, i) =>
				el('span', { 'data-brief': p }, number(state.counts[p] ?? 0), i > 0 && ' ' + t('count.' + p)))),
	});
	byID('mend').hidden = !broken();
}

const figures = (s) => [s.whole, ...s.parts];

// explain says below the heading what a button does, before it is pressed.
function explain(button) {
	if (!button) return;
	byID('tell').textContent = button.title;
}

// Counts. Each row is a sum that holds at any moment.
const sums = [
	{ name: 'in', whole: 'written', parts: ['unread', 'fetched', 'lost', 'shown'] },
	{ name: 'out', whole: 'asked', parts: ['sent', 'refused', 'uncertain'] },
	{ name: 'arrived', whole: 'accepted', parts: ['underway', 'delivered', 'failed'] },
];

function drawCounts() {
	list(byID('counts'), sums, {
		key: (s) => s.name,
		version: (s) => [state.language, ...[s.whole, ...s.parts].map((p) => state.counts[p])].join(),
		make: (s) => el('div', { class: 'sum', 'data-sum': s.name }, el('h3', { id: 'sum-' + s.name }, t('sum.' + s.name)),
			el('dl', { 'aria-labelledby': 'sum-' + s.name }, ...figure(s.whole, 'whole'), ...s.parts.flatMap((p, i) => figure(p, i === 0 ? 'first' : 'part')))),
	});
}

function figure(name, place) {
	const n = state.counts[name] ?? 0;
	return [el('div', { class: 'figure ' + place + (n === 0 ? ' none' : ''), 'data-count': name, title: t('count.tell.' + name) },
		el('dt', {}, t('count.' + name)), el('dd', {}, number(n)))];
}

// Breaking. A way to break is on while on() says so; doing it again mends it.
// Each is taken back by itself, and the others stay.

// panelFault arms a fault of the panel, which is known again by its kind, method and code.
const panelFault = (fault) => ({
	on: () => state.panel.faults.some((f) => f.kind === fault.kind && f.method === fault.method && f.code === fault.code),
	do: (on) => ask('panel/fault', { ...fault, off: on }),
});

// telegramFault arms a fault of Telegram, which is known again by its kind.
const telegramFault = (fault) => ({
	on: () => state.telegram.faults.some((f) => f.kind === fault.kind),
	do: (on) => on ? ask('telegram/disarm', { kind: fault.kind }) : ask('telegram/fault', fault),
});

const codes = [-1, -2, -3, -4, -5];
const muchCredit = 1000000;
const lowCredit = 50; // below LOW_CREDIT
const share = 0.2; // of the calls

const groups = [
	{ name: 'bridge', ways: [
		{ name: 'kill', danger: true, able: () => state.bridge.running, do: () => ask('bridge/kill') },
		{ name: 'stop', able: () => state.bridge.running, do: () => ask('bridge/stop') },
		{ name: 'start', able: () => !state.bridge.running, do: () => ask('bridge/start') },
	] },
	{ name: 'clock', ways: [
		{ name: 'hour', do: () => ask('clock', { forward: '1h' }) },
		{ name: 'morning', do: () => ask('clock', { to: '8:00' }) },
	] },
	{ name: 'panel', ways: [
		{ name: 'panelDown', on: () => state.panel.down, do: (on) => ask('panel/down', { down: !on }) },
		{ name: 'slow', ...panelFault({ kind: 'slow', delay: '4s', times: -1 }) },
		{ name: 'flaky', ...panelFault({ kind: 'close', chance: share, times: -1 }) },
		{ name: 'lostAnswer', ...panelFault({ kind: 'close', method: 'SendSMS', carry_out: true }) },
		{ name: 'lostFetch', ...panelFault({ kind: 'close', method: 'GetMsg', unread: true, carry_out: true }) },
		{ name: 'again', able: () => state.counts.written > state.counts.unread, do: () => ask('panel/repeat') },
		{ name: 'creditLow', on: () => state.panel.credit > 0 && state.panel.credit <= lowCredit, do: (on) => ask('panel/credit', { credit: on ? muchCredit : lowCredit }) },
		{ name: 'creditOut', on: () => state.panel.credit === 0, do: (on) => ask('panel/credit', { credit: on ? muchCredit : 0 }) },
		{ name: 'password', on: () => state.panel.password !== 'demo-pass', do: (on) => ask('panel/password', { password: on ? 'demo-pass' : 'another' }) },
		...codes.map((code) => ({ name: 'code', code, ...panelFault({ kind: 'errcode', code, method: 'SendSMS' }) })),
	] },
	{ name: 'telegram', ways: [
		{ name: 'telegramDown', on: () => state.telegram.down, do: (on) => ask('telegram/down', { on: !on }) },
		{ name: 'tooMany', ...telegramFault({ kind: 'too_many', retry_after: 5, method: 'sendMessage' }) },
		{ name: 'flakyTelegram', ...telegramFault({ kind: 'bad_gateway', chance: share, times: -1 }) },
		{ name: 'lostPost', ...telegramFault({ kind: 'close_after', method: 'sendMessage' }) },
	] },
];

function broken() {
	const { panel, telegram } = state;
	return panel.down || telegram.down || panel.credit <= lowCredit || panel.faults.length > 0 || telegram.faults.length > 0 || panel.password !== 'demo-pass';
}

// mend takes everything back but the bridge's death, which is no fault of the networks.
async function mend() {
	await Promise.all([ask('panel/fault'), ask('telegram/disarm'), ask('panel/down', { down: false }), ask('telegram/down', { on: false }), ask('panel/password', { password: 'demo-pass' }),
		state.panel.credit <= lowCredit && ask('panel/credit', { credit: muchCredit })]);
}

function drawBreaks() {
	let waiting = null; // a button that had the focus and can be pressed no more
	list(byID('breaks'), groups, {
		key: (g) => g.name,
		version: () => state.language,
		make: (g) => el('div', { class: 'breaks-of', role: 'group', 'aria-label': t('breaks.' + g.name) }, el('h3', {}, t('breaks.' + g.name)), el('div', { class: 'ways' }, ...buttons(g))),
	});
	for (const g of groups) for (const w of g.ways) {
		const button = byID('breaks').querySelector('[data-way="' + idOf(w) + '"]');
		if (w.on) button.setAttribute('aria-pressed', String(w.on()));
		if (!w.able || button.disabled === !w.able()) continue;
		const focused = button === document.activeElement;
		button.disabled = !w.able();
		if (focused && button.disabled) waiting = button;
	}
	// What can be done no more passes the focus on to what can be done instead.
	const instead = waiting?.closest('.ways').querySelector('button:not(:disabled)');
	instead?.focus({ preventScroll: true });
}

const idOf = (w) => w.name + (w.code ?? '');

function buttons(g) {
	const made = g.ways.map((w) => el('button', {
		type: 'button', 'data-way': idOf(w), class: w.danger ? 'danger' : '', title: tell(w), onclick: () => press(w),
	}, w.code ? [el('bdi', { dir: 'ltr' }, w.code), ' ', t('code.' + w.code)] : t('way.' + w.name)));
	if (g.name === 'clock') return [el('time', { id: 'now' }), ...made];
	if (g.name === 'panel') made.splice(g.ways.findIndex((w) => w.name === 'creditLow'), 0, el('span', { id: 'credit', class: 'hint' }));
	const first = made.findIndex((b) => b.dataset.way?.startsWith('code'));
	if (first < 0) return made;
	return [...made.slice(0, first), el('span', { class: 'codes' }, el('span', { class: 'hint' }, t('nextRefused')), ...made.slice(first))];
}

// tell is what a way does, in a sentence.
const tell = (w) => w.code ? t('codeNext', { code: w.code, what: t('code.tell.' + w.code) }) : t('way.tell.' + w.name);

async function press(w) {
	const on = w.on?.();
	if (await w.do(on) === null) return;
	if (w.on) toast(on ? t('mended') : tell(w));
}

// drawClock shows what time it is in the sandbox, and what money is left.
function drawClock() {
	const credit = t('credit', { n: number(state.panel.credit) });
	if (byID('credit').textContent !== credit) byID('credit').textContent = credit;
	const now = byID('now');
	const text = state.clock.now ? moment(state.clock.now) : '';
	if (now.textContent !== text) now.textContent = text;
}

function drawBridge() {
	const chip = byID('bridge');
	chip.classList.toggle('dead', !state.bridge.running);
	chip.hidden = !state.begun;
	chip.dataset.language = state.bridge.language;
	const text = state.bridge.running ? t('bridgeRuns') : t('bridgeDead');
	if (chip.textContent !== text) chip.textContent = text;
}
