// The strip that breaks things, and the counts that show what became of every SMS.

import { ask } from './ask.js';
import { byID, el, list, toast } from './dom.js';
import { state, watch } from './state.js';
import { moment, number, t } from './words.js';

export function startBreaking() {
	watch(drawCounts);
	watch(drawBreaks);
	watch(drawBridge);
	watch(drawClock);
}

// Counts. Each row is a sum that holds at any moment.
const sums = [
	{ name: 'in', whole: 'written', parts: ['unread', 'fetched', 'shown'] },
	{ name: 'out', whole: 'asked', parts: ['sent', 'refused', 'uncertain'] },
	{ name: 'arrived', whole: 'accepted', parts: ['underway', 'delivered', 'failed'] },
];

function drawCounts() {
	list(byID('counts'), sums, {
		key: (s) => s.name,
		version: (s) => [state.language, ...[s.whole, ...s.parts].map((p) => state.counts[p])].join(),
		make: (s) => el('dl', { class: 'sum', 'data-sum': s.name },
			...figure(s.whole, 'whole'), ...s.parts.flatMap((p, i) => figure(p, i === 0 ? 'first' : 'part'))),
	});
}

function figure(name, place) {
	const n = state.counts[name] ?? 0;
	return [el('div', { class: 'figure ' + place + (n === 0 ? ' none' : ''), 'data-count': name, title: t('count.tell.' + name) },
		el('dt', {}, t('count.' + name)), el('dd', {}, number(n)))];
}

// Breaking. A way to break is on while on() says so; doing it again mends it.
const panelFault = (matches) => () => state.panel.faults.some(matches);
const codes = [-1, -2, -3, -4, -5];

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
		{ name: 'slow', on: panelFault((f) => f.kind === 'slow'), do: (on) => on ? disarm() : ask('panel/fault', { kind: 'slow', delay: '4s', times: -1 }) },
		{ name: 'lostAnswer', on: panelFault((f) => f.kind === 'close' && f.method === 'SendSMS'), do: (on) => on ? disarm() : ask('panel/fault', { kind: 'close', method: 'SendSMS', carry_out: true }) },
		{ name: 'lostFetch', on: panelFault((f) => f.kind === 'close' && f.method === 'GetMsg'), do: (on) => on ? disarm() : ask('panel/fault', { kind: 'close', method: 'GetMsg', carry_out: true }) },
		{ name: 'password', on: () => state.panel.password !== 'demo-pass', do: (on) => ask('panel/password', { password: on ? 'demo-pass' : 'another' }) },
		...codes.map((code) => ({ name: 'code', code, on: panelFault((f) => f.kind === 'errcode' && f.code === code), do: (on) => on ? disarm() : ask('panel/fault', { kind: 'errcode', code, method: 'SendSMS' }) })),
	] },
	{ name: 'telegram', ways: [
		{ name: 'telegramDown', on: () => state.telegram.down, do: (on) => ask('telegram/down', { on: !on }) },
		{ name: 'tooMany', on: () => state.telegram.faults.some((f) => f.kind === 'too_many'), do: (on) => on ? ask('telegram/disarm') : ask('telegram/fault', { kind: 'too_many', retry_after: 5, method: 'sendMessage' }) },
		{ name: 'lostPost', on: () => state.telegram.faults.some((f) => f.kind === 'close_after'), do: (on) => on ? ask('telegram/disarm') : ask('telegram/fault', { kind: 'close_after', method: 'sendMessage' }) },
		{ name: 'mend', able: broken, do: mend },
	] },
];

const disarm = () => ask('panel/fault');

function broken() {
	const { panel, telegram } = state;
	return panel.down || telegram.down || panel.faults.length > 0 || telegram.faults.length > 0 || panel.password !== 'demo-pass';
}

// mend takes everything back but the bridge's death, which is no fault of the networks.
async function mend() {
	await Promise.all([disarm(), ask('telegram/disarm'), ask('panel/down', { down: false }), ask('telegram/down', { on: false }), ask('panel/password', { password: 'demo-pass' })]);
}

function drawBreaks() {
	list(byID('breaks'), groups, {
		key: (g) => g.name,
		version: () => state.language,
		make: (g) => el('div', { class: 'breaks-of', role: 'group', 'aria-label': t('breaks.' + g.name) }, el('h3', {}, t('breaks.' + g.name)), el('div', { class: 'ways' }, ...buttons(g))),
	});
	for (const g of groups) for (const w of g.ways) {
		const button = byID('breaks').querySelector('[data-way="' + idOf(w) + '"]');
		if (w.on) button.setAttribute('aria-pressed', String(w.on()));
		if (w.able) button.disabled = !w.able();
	}
}

const idOf = (w) => w.name + (w.code ?? '');

function buttons(g) {
	const made = g.ways.map((w) => el('button', {
		type: 'button', 'data-way': idOf(w), class: w.danger ? 'danger' : '', title: w.code ? t('code.' + w.code) : t('way.tell.' + w.name),
		'aria-label': w.code ? t('codeNext', { code: w.code, what: t('code.' + w.code) }) : false,
		onclick: () => press(w),
	}, w.code ? el('bdi', { dir: 'ltr' }, w.code) : t('way.' + w.name)));
	if (g.name === 'clock') return [el('time', { id: 'now' }), ...made];
	const first = g.ways.findIndex((w) => w.code);
	if (first < 0) return made;
	return [...made.slice(0, first), el('span', { class: 'codes' }, el('span', { class: 'hint' }, t('nextRefused')), ...made.slice(first))];
}

async function press(w) {
	const on = w.on?.();
	if (await w.do(on) === null) return;
	if (w.on) toast(on ? t('mended') : w.code ? t('codeNext', { code: w.code, what: t('code.' + w.code) }) : t('way.tell.' + w.name));
}

// drawClock shows what time it is in the sandbox.
function drawClock() {
	const now = byID('now');
	const text = state.clock.now ? moment(state.clock.now) : '';
	if (now.textContent !== text) now.textContent = text;
}

function drawBridge() {
	const chip = byID('bridge');
	chip.classList.toggle('dead', !state.bridge.running);
	chip.hidden = !state.begun;
	const text = state.bridge.running ? t('bridgeRuns') : t('bridgeDead');
	if (chip.textContent !== text) chip.textContent = text;
}
