// A message's text with its formatting, as elements.

import { copy, el } from './dom.js';
import { t } from './words.js';

const simple = { bold: 'b', italic: 'i', underline: 'u', strikethrough: 's', pre: 'pre', blockquote: 'blockquote', expandable_blockquote: 'blockquote' };

// formatted renders a text. Offsets count UTF-16 units, as those of JavaScript's strings do. Every character of the text is in the result,
// in order, and nothing else is: quoteIn counts on it. Around a block the lines' ends are hidden, for the block ends them.
// around may wrap a block quote: it is given the element and its entity.
export function formatted(text, entities = [], around = (node) => node) {
	const sorted = [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length);
	const body = document.createDocumentFragment();
	write(body, text, sorted, 0, text.length, around);
	return body;
}

function write(parent, text, entities, from, to, around) {
	let at = from;
	let afterBlock = false;
	const plain = (end) => {
		if (afterBlock && text[at] === '\n' && at < end) {
			parent.append(el('span', { hidden: true }, '\n'));
			at++;
		}
		if (at < end) parent.append(text.slice(at, end));
		at = end;
		afterBlock = false;
	};
	for (let i = 0; i < entities.length; i++) {
		const e = entities[i];
		const end = e.offset + e.length;
		if (e.offset < at || end > to) continue; // inside the one before, or crossing its end
		plain(e.offset);
		const node = element(e, text.slice(e.offset, end));
		write(node, text, entities.slice(i + 1).filter((inner) => inner.offset < end), e.offset, end, around);
		afterBlock = node.tagName === 'BLOCKQUOTE' || node.tagName === 'PRE';
		parent.append(node.tagName === 'BLOCKQUOTE' ? around(node, e) : node);
		at = end;
	}
	plain(to);
}

function element(entity, words) {
	switch (entity.type) {
	case 'code':
		return copied(words);
	case 'text_link':
		return /^https?:/i.test(entity.url ?? '') ? el('a', { href: entity.url, target: '_blank', rel: 'noopener noreferrer' }) : el('span');
	case 'bot_command':
		return el('bdi', { class: 'command', dir: 'ltr' });
	}
	return el(simple[entity.type] ?? 'span', entity.type === 'blockquote' ? { dir: 'auto' } : {});
}

// copied is a code that is copied by a tap.
function copied(words) {
	const take = (event) => {
		const selection = getSelection();
		if (!selection.isCollapsed && selection.containsNode(event.currentTarget, true)) return; // somebody marks a part of it
		copy(words);
	};
	return el('code', {
		dir: /^[/+@#\d]/.test(words) ? 'ltr' : 'auto', tabindex: 0, role: 'button', title: t('copy'), onclick: take,
		onkeydown: (event) => { if (event.key === 'Enter') take(event); },
	});
}

// quoteIn is the part of a rendered message that is selected, as the sandbox wants a quote; null when none is.
export function quoteIn(body) {
	const selection = getSelection();
	if (!selection.rangeCount || selection.isCollapsed) return null;
	const range = selection.getRangeAt(0);
	if (!body.contains(range.startContainer) || !body.contains(range.endContainer)) return null;
	const before = document.createRange();
	before.selectNodeContents(body);
	before.setEnd(range.startContainer, range.startOffset);
	const words = range.toString();
	const text = words.trim();
	return text ? { text, at: before.toString().length + words.indexOf(text) } : null;
}
