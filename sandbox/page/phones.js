// Customers' telephones: what they received and wrote, and what happens to an SMS on the way to each.

import { ask } from './ask.js';
import { bdi, byID, el, enterSends, grow, icon, keepEnd, list, toast } from './dom.js';
import { plainNumber, set, state, telephones, watch } from './state.js';
import { clock, t } from './words.js';

const shownAtOnce = 80; // SMS on a telephone
const deliveries = [0, 5, 6, 2, 1]; // the status expected; 0 is the usual way

const ends = new WeakMap(); // of each screen

export function startPhones() {
	watch(drawPhones);
	byID('add-phone').addEventListener('submit', (e) => {
		e.preventDefault();
		const input = e.target.elements.number;
		const number = plainNumber(input.value);
		if (!telephones().some((p) => p.number === number)) set({ added: [...state.added, number] });
		input.value = '';
		requestAnimationFrame(() => requestAnimationFrame(() => phone(number)?.scrollIntoView({ inline: 'end', block: 'nearest' })));
	});
}

const phone = (number) => byID('row').querySelector('[data-number="' + CSS.escape(number) + '"]');

function drawPhones() {
	if (!state.begun) return;
	const all = telephones();
	list(byID('row'), all, { key: (p) => p.number, version: () => state.language + state.lines.join(), make: (p) => telephone(p.number) });
	for (const p of all) drawScreen(phone(p.number), p);
}

function telephone(number) {
	const name = el('bdi', { class: 'number cut', dir: 'ltr' }, number);
	const delivery = el('select', { 'aria-label': t('delivery'), title: t('delivery'), onchange: (e) => expect(number, Number(e.target.value)) },
		...deliveries.map((d) => el('option', { value: d }, t('delivery.' + d))));
	const line = el('select', { name: 'line', 'aria-label': t('ourLine') }, ...state.lines.map((l) => el('option', { value: l }, l)));
	const text = el('textarea', { name: 'text', rows: 1, dir: 'auto', required: true, 'aria-label': t('smsFrom', { number }), placeholder: t('writeSMS'), oninput: () => { state.written[number] = text.value; } });
	text.value = state.written[number] ?? '';
	enterSends(text);
	const form = el('form', {
		class: 'composer', autocomplete: 'off', onsubmit: async (e) => {
			e.preventDefault();
			const words = text.value.trim();
			if (words === '' || !await ask('panel/sms', { from: number, to: line.value, text: words })) return;
			text.value = '';
			delete state.written[number];
			grow(text);
		},
	}, el('label', { class: 'to' }, el('span', {}, t('to')), line), el('div', { class: 'row' }, text,
		el('button', { class: 'icon send', type: 'submit', 'aria-label': t('sendSMS') }, icon('send'))));
	return el('li', { class: 'phone', 'data-number': number },
		el('article', { 'aria-label': t('phoneOf', { number }) },
			el('header', {}, el('h3', {}, name), el('label', { class: 'delivery' }, el('span', {}, t('delivery')), delivery)),
			el('ol', { class: 'screen', tabindex: 0, 'aria-label': t('smsOf', { number }) }),
			form));
}

function expect(number, status) {
	ask('panel/status', { number, status, later: true });
	toast(t('delivery.tell.' + status));
}

function drawScreen(node, { number, rows }) {
	const select = node.querySelector('.delivery select');
	if (document.activeElement !== select) select.value = String(state.panel.expected[number] ?? 0);
	const screen = node.querySelector('.screen');
	if (!ends.has(screen)) ends.set(screen, keepEnd(screen));
	list(screen, rows.length ? rows.slice(-shownAtOnce) : [{ key: 'empty' }], {
		key: (r) => r.key,
		version: (r) => [r.written, r.status, state.language].join(),
		make: (r) => r.key === 'empty' ? el('li', { class: 'service' }, t('emptyPhone')) : r.written ? written(r) : received(r),
	});
	if (ends.get(screen).pinned) ends.get(screen).down();
}

// written is what the customer wrote, with how far it has come.
function written(r) {
	return el('li', { class: 'sms own ' + r.written }, el('div', { class: 'text', dir: 'auto' }, r.text),
		el('div', { class: 'meta' }, el('span', {}, t('written.' + r.written)), el('time', { datetime: r.at }, clock(r.at))));
}

// received is one of ours: solid once it is on the telephone.
function received(r) {
	const how = r.status === 4 ? 'arrived' : [2, 5, 6].includes(r.status) ? 'failed' : 'underway';
	return el('li', { class: 'sms ' + how }, el('p', { class: 'from' }, bdi(r.line)), el('div', { class: 'text', dir: 'auto' }, r.text),
		el('div', { class: 'meta' }, el('span', {}, t('status.' + r.status) || t('status.other', { n: r.status })), el('time', { datetime: r.at }, clock(r.at))));
}

// arrivals is how many SMS stand on telephones: the tab's badge tells of new ones.
export const arrivals = () => [...state.sms.values()].filter((r) => r.status === 4).length;

