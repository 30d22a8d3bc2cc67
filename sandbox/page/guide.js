// A short path for somebody who has read nothing. A step is over when what it asks for has really happened.

import { ask, look } from './ask.js';
import { become, go, put } from './chat.js';
import { byID, el, fill, icon, toast } from './dom.js';
import { changed, chatByID, messagesIn, set, state, watch } from './state.js';
import { t } from './words.js';

const support = () => chatByID(state.named.Support);
const desk = () => chatByID(state.named.Desk);
const person = (name) => state.named[name];

// Each step: where it happens, what to point at, and when it is over, given what was there when it began. What "Show me" prepares is done
// for nobody who did not ask: they may be looking at something else.
const steps = [
	{ name: 'write', tab: 'phones', point: () => '.phone:first-child textarea', over: (was) => state.counts.written > was.counts.written },
	{ name: 'reply', tab: 'telegram', point: () => state.reply ? '#words' : '#messages .message.inbound:last-of-type .reply',
		prepare: () => { if (state.who !== person('Ali') && state.who !== person('Sara')) become(person('Ali')); if (state.chat !== support().id) go(support().id); },
		over: (was) => messagesIn(support().id).some((m) => m.id > was.last && !m.from_bot && !m.service && repliesToBot(m)) },
	{ name: 'arrive', tab: 'phones', point: () => '.phone:has(.sms:not(.own)) .screen', over: (was) => state.counts.delivered + state.counts.failed > was.counts.delivered + was.counts.failed },
	{ name: 'kill', tab: 'breaking', point: () => '[data-way=kill]', over: () => !state.bridge.running },
	{ name: 'meanwhile', tab: 'phones', point: () => '.phone:nth-child(2) textarea', over: (was) => state.counts.written > was.counts.written },
	{ name: 'start', tab: 'breaking', point: () => '[data-way=start]', over: () => state.bridge.running },
	{ name: 'nothingLost', tab: 'telegram', point: () => '#messages .message.inbound:last-of-type .bubble', prepare: () => go(support().id),
		over: (was) => state.counts.shown > was.counts.shown || state.counts.shown === state.counts.written },
	{ name: 'topics', tab: 'phones', point: () => messagesIn(desk().id).some((m) => m.from_bot) ? '.phone:first-child textarea' : '', optional: true, do: () => saraWrites('/topics on'), over: () => (desk()?.topics ?? []).length > 0 },
	{ name: 'waits', tab: 'telegram', point: () => '', optional: true, do: () => saraWrites('/waiting pin'), over: () => messagesIn(desk().id).some((m) => m.pinned) },
	{ name: 'done', tab: 'telegram', point: () => state.reacting ? '.offered button:first-child' : '#messages .inbound .react', optional: true,
		prepare: () => go(desk().id, desk().topics.at(-1)?.id), over: () => [...(state.messages.get(desk().id)?.values() ?? [])].some((m) => m.from_bot && m.reactions?.some((r) => r.emoji === '👌')) },
	{ name: 'end', tab: 'breaking', point: () => '', over: () => false },
];

// What is left to try, in the order of a day. Each leaves the last press to the reader.
const tries = [
	{ name: 'history', do: () => writes('Ali', support(), '/history ' + firstPhone) },
	{ name: 'waiting', do: () => writes('Ali', support(), '/waiting') },
	{ name: 'bulk', do: () => {
		writes('Ali', desk(), ''); // where the bot is an admin: else Telegram keeps captions from it
		const csv = 'number,name\n' + firstPhone + ',Mina\n' + secondPhone + ',Reza\n';
		ask('telegram/say', { from: person('Ali'), chat: desk().id, document: { name: 'customers.csv', mime: 'text/csv', data: btoa(csv) }, caption: t('try.bulk.text') });
	} },
	{ name: 'later', do: () => writes('Ali', support(), '/later 8:00 ' + firstPhone + ' ' + t('try.later.text')) },
	{ name: 'optOut', do: () => { set({ tab: 'phones' }); ask('panel/sms', { from: secondPhone, text: '11' }); } },
	{ name: 'export', do: () => writes('Sara', { id: person('Sara') }, '/export') },
	{ name: 'join', do: () => writes('Sara', chatByID(state.named.Sales), '') },
	{ name: 'credit', do: () => { writes('Ali', support(), '/send ' + firstPhone + ' ' + t('try.credit.text')); ask('panel/credit', { credit: 50 }); } },
];

const [firstPhone, secondPhone] = ['09121111111', '09122222222'];

// writes has somebody begin to write somewhere.
function writes(name, chat, text) {
	become(person(name));
	go(chat.id);
	set({ tab: 'telegram' });
	put(text);
	byID('words').focus();
}

const repliesToBot = (m) => m.reply_to && state.messages.get(m.chat)?.get(m.reply_to)?.from_bot;

let at = 0; // the step
let was = null; // what was there when it began
let topics = false; // the bot can make topics
let drawn = '';
let wanted = false; // the cursor is to go to what the step is about

export function startGuide() {
	const kept = localStorage.getItem('guide');
	at = kept === 'closed' ? -1 : Math.max(0, Math.min(Number(kept ?? 0) || 0, steps.length - 1));
	byID('begin-guide').addEventListener('click', () => begin(0));
	watch(draw);
}

function begin(step) {
	at = step;
	was = null;
	wanted = false;
	localStorage.setItem('guide', step < 0 ? 'closed' : String(step));
	changed();
}

function advance() {
	let next = at + 1;
	while (steps[next].optional && !topics) next++;
	begin(next);
}

function draw() {
	if (!state.begun || !support()) return;
	if (at >= 0 && !was) enter();
	else if (at >= 0 && steps[at].over(was)) return advance();
	byID('begin-guide').hidden = at >= 0;
	point();
	const version = at + state.language; // nothing else may make it anew: somebody may be about to press a button of it
	if (version === drawn) return;
	drawn = version;
	byID('guide').hidden = at < 0;
	if (at < 0) return byID('guide').replaceChildren();
	const s = steps[at];
	const last = at === steps.length - 1;
	const focused = byID('guide').contains(document.activeElement);
	byID('guide').classList.toggle('last', last);
	fill(byID('guide'),
		el('ol', { class: 'dots', 'aria-hidden': 'true' }, ...steps.filter((x) => !x.optional || topics).map((x) => el('li', { class: steps.indexOf(x) < at ? 'done' : x === s ? 'now' : '' }))),
		el('p', { role: 'status' }, el('b', {}, t('guide.' + s.name)), ' ', el('span', {}, t('guide.tell.' + s.name))),
		s.do && el('button', { type: 'button', onclick: s.do }, t('guide.do.' + s.name)),
		!last && el('button', { type: 'button', class: 'quiet', onclick: showMe }, t('guide.showMe')),
		last && el('ul', { class: 'tries', 'aria-label': t('tries') }, tries.map((x) => el('li', {}, el('button', {
			type: 'button', class: 'quiet', 'data-try': x.name, title: t('try.tell.' + x.name), onclick: () => { x.do(); toast(t('try.tell.' + x.name)); },
		}, t('try.' + x.name))))),
		last && el('button', { type: 'button', onclick: () => begin(0) }, t('guide.restart')),
		el('button', { type: 'button', class: 'icon', 'aria-label': t('guide.close'), title: t('guide.close'), onclick: () => begin(-1) }, icon('close')));
	if (focused) byID('guide').querySelector('button').focus(); // whoever goes along by the keyboard stays here
}

function enter() {
	was = { counts: { ...state.counts }, last: messagesIn(support().id).at(-1)?.id ?? 0 };
	look('telegram/commands?chat=' + person('Sara') + '&user=' + person('Sara')).then((all) => {
		topics = (all ?? []).some((c) => c.command === 'topics'); // the bot names its commands some time after it has started
		changed();
	});
}

// point marks what the step is about.
function point() {
	const selector = at >= 0 ? steps[at].point() : '';
	const target = selector ? [...document.querySelectorAll(selector)].at(-1) : null;
	for (const node of document.querySelectorAll('.pointed')) if (node !== target) node.classList.remove('pointed');
	target?.classList.add('pointed');
	if (!wanted || !target) return;
	wanted = false;
	target.scrollIntoView({ block: 'nearest', inline: 'nearest' });
	target.focus();
}

// showMe brings into view what the step is about, and puts the cursor there, as soon as it is there.
function showMe() {
	const s = steps[at];
	s.prepare?.();
	set({ tab: s.tab, unfolded: state.unfolded || s.tab === 'breaking' });
	wanted = true;
}

// saraWrites lets Sara write in the forum what only an admin may.
async function saraWrites(text) {
	become(person('Sara'));
	go(desk().id);
	await ask('telegram/say', { from: person('Sara'), chat: desk().id, text });
}
