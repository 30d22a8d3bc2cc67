// Making elements. Foreign text only ever becomes a text node: there is no way from here to innerHTML.

import { t } from './words.js';

// el makes an element: properties that begin with "on" are listeners, the rest attributes; false and undefined leave one out.
export function el(name, properties = {}, ...children) {
	const node = document.createElement(name);
	for (const [key, value] of Object.entries(properties)) {
		if (value === undefined || value === false || value === null) continue;
		if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
		else node.setAttribute(key, value === true ? '' : value);
	}
	fill(node, ...children);
	return node;
}

// fill replaces the children of a node; null, undefined and false are none, a list stands for its elements.
export function fill(node, ...children) {
	node.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
}

// icon is one of the drawings at the end of index.html.
export function icon(name) {
	const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
	svg.setAttribute('aria-hidden', 'true');
	const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
	use.setAttribute('href', '#i-' + name);
	svg.append(use);
	return svg;
}

// cut is a line of foreign words that is cut at their end where there is no room, whichever way they are written.
export const cut = (text, name = 'span') => el(name, { class: 'cut', dir: 'auto' }, text);

// bdi sets foreign words apart, so that they turn nothing around beside them.
export const bdi = (text) => el('bdi', {}, text);

export const byID = (id) => document.getElementById(id);

const kept = new WeakMap();

export const focusable = (node) => [...node.querySelectorAll('a, button, input, select, textarea, [tabindex]')];

// list makes the children of a parent those of the items, and keeps each element as long as its item's version is the same: selection and
// what somebody is about to write survive. An element that is made anew takes over the focus.
export function list(parent, items, { key, version, make }) {
	const before = kept.get(parent) ?? new Map();
	const now = new Map();
	let place = parent.firstChild;
	let focus = null;
	for (const item of items) {
		const k = key(item);
		const v = version(item);
		let entry = before.get(k);
		if (!entry || entry.version !== v) {
			const node = make(item);
			if (entry && entry.node === place) place = place.nextSibling;
			const focused = entry ? [entry.node, ...focusable(entry.node)].indexOf(document.activeElement) : -1;
			if (focused >= 0) focus = [node, focused];
			entry?.node.remove();
			entry = { version: v, node };
		}
		now.set(k, entry);
		before.delete(k);
		if (entry.node === place) place = place.nextSibling;
		else parent.insertBefore(entry.node, place);
	}
	for (const { node } of before.values()) node.remove();
	kept.set(parent, now);
	if (!focus) return;
	const [node, n] = focus;
	if (n === 0) node.tabIndex = -1; // else it takes no focus yet
	[node, ...focusable(node)][n]?.focus({ preventScroll: true });
}

// keepEnd lets a list that is read at its end stay there when it grows or its room changes. It returns { pinned, down }: whether the end
// is in view, and what brings it there.
export function keepEnd(node, moved = () => {}) {
	const self = {
		pinned: true,
		down(smooth) {
			self.pinned = true;
			const calm = !smooth || matchMedia('(prefers-reduced-motion: reduce)').matches;
			node.scrollTo({ top: node.scrollHeight, behavior: calm ? 'auto' : 'smooth' });
		},
	};
	let height = 0; // of the last scrolling: when the room changed and not the place, the reader did not leave the end
	node.addEventListener('scroll', () => {
		if (height === node.clientHeight) self.pinned = node.scrollHeight - node.scrollTop - node.clientHeight < 60;
		height = node.clientHeight;
		moved(self.pinned);
	});
	new ResizeObserver(() => {
		height = node.clientHeight;
		if (self.pinned) self.down();
	}).observe(node);
	return self;
}

// grow lets a textarea be as high as its words, up to a limit that the style sets.
export function grow(area) {
	area.style.height = 'auto';
	area.style.height = area.scrollHeight + 'px';
}

// enterSends makes Enter send a form and Shift+Enter begin a line. It is the line that is caught and not the key: the keyboards of telephones
// do not name their keys.
export function enterSends(area) {
	let shift = false;
	area.addEventListener('keydown', (event) => { shift = event.shiftKey; });
	area.addEventListener('beforeinput', (event) => {
		if (event.inputType !== 'insertLineBreak' || shift || event.isComposing) return;
		event.preventDefault();
		area.form.requestSubmit();
	});
	area.addEventListener('input', () => grow(area));
}

// copy puts words where the reader can paste them from.
export function copy(words) {
	navigator.clipboard.writeText(words).then(() => toast(t('copied', { what: words })), () => toast(t('notCopied')));
}

let toastTimer = 0;

// toast says something in passing. An action is a label and what it does.
export function toast(text, action) {
	const box = byID('toasts');
	const say = el('p', { class: 'toast' }, el('span', { dir: 'auto' }, text));
	if (action) say.append(el('button', { type: 'button', class: 'quiet', onclick: () => { box.replaceChildren(); action.do(); } }, action.label));
	box.replaceChildren(say);
	clearTimeout(toastTimer);
	toastTimer = setTimeout(() => box.replaceChildren(), action ? 12000 : 6000);
}
