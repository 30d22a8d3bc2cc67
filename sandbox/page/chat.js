// The Telegram side: who one is, the chats and topics, the messages of one of them, and what one writes there.

import { ask, look } from './ask.js';
import { bdi, byID, copy, cut, el, enterSends, focusable, grow, icon, keepEnd, list, toast } from './dom.js';
import { changed, chatByID, chatsOf, draft, hear, keep, messageKey, messageOf, messagesIn, nameOf, people, place, see, set, state, unread, watch } from './state.js';
import { formatted, quoteIn } from './text.js';
import { clock, number, t } from './words.js';

const shownAtOnce = 150; // messages; more are shown on demand
let shown = shownAtOnce;
let where = ''; // what the list of messages shows
let end; // of that list

export function startChat() {
	watch(drawPeople);
	watch(drawMessages); // what it shows has been seen, which the chats tell
	watch(drawPinned);
	watch(drawRights);
	watch(drawChats);
	watch(openPrompt);
	watch(drawAbout);
	hear(speak);
	startComposer();
	startRoving();
	byID('to-chats').addEventListener('click', () => set({ tab: 'chats' }));
	byID('pinned').addEventListener('click', () => show(pinned().id));
	byID('rights').addEventListener('click', () => setAdmin(!isAdmin()));
	byID('join').addEventListener('click', () => botIs('add'));
	byID('throw-out').addEventListener('click', () => botIs('remove'));
	byID('newest').addEventListener('click', () => end.down(true));
	end = keepEnd(log(), (pinned) => { byID('newest').hidden = pinned; });
}

// People.

function roleOf(u) {
	const { Sara, Ali, Omid } = state.named;
	return { [Sara]: t('role.admin'), [Ali]: t('role.agent'), [Omid]: t('role.stranger') }[u.id] ?? '';
}

function drawPeople() {
	list(byID('people'), people(), {
		key: (u) => u.id,
		version: (u) => [u.first_name, u.id === state.who, state.language].join(),
		make: (u) => el('label', { class: 'person' },
			el('input', { type: 'radio', name: 'who', value: u.id, checked: u.id === state.who, onchange: () => become(u.id) }),
			avatar(u.first_name, u.id),
			cut(u.first_name, 'b'), el('small', {}, roleOf(u))),
	});
}

// become makes one somebody else, in the same chat when that person is in it.
export function become(who) {
	const chat = state.chat === state.who ? who : state.chat;
	const there = chatsOf(who).some((c) => c.id === chat);
	set({ who, chat: there ? chat : chatsOf(who)[0].id, topic: there ? state.topic : 0 });
}

// avatar is a circle with a letter; the colour follows from the id.
function avatar(name, id) {
	return el('span', { class: 'avatar', 'data-colour': Math.abs(id) % 6, 'aria-hidden': 'true' }, [...name][0] ?? '?');
}

// Chats and topics.

// go shows a chat or a topic.
export function go(chat, topic = 0) {
	shown = shownAtOnce;
	set({ chat, topic, tab: state.tab === 'chats' ? 'telegram' : state.tab });
}

// ownOr is a chat's id, of a private one that of who one is by now: they may have changed since it was drawn.
const ownOr = (chat) => chat.type === 'private' ? state.who : chat.id;

function drawChats() {
	if (!state.who) return;
	const rows = chatsOf(state.who).flatMap((c) => {
		const row = { chat: c, topic: 0, name: c.title, about: c.type === 'private' ? t('privateChat') : c.forum ? t('forum') : t('group') };
		if (!c.forum) return [row];
		const topics = [{ chat: c, topic: 0, name: t('general'), inner: true }]
			.concat((c.topics ?? []).map((x) => ({ chat: c, topic: x.id, name: x.name, icon: x.icon, closed: x.closed, inner: true })));
		return [{ ...row, head: true }, ...topics];
	});
	list(byID('chats'), rows.map((r) => ({ ...r, unread: unread(r.chat.id, r.topic), here: r.chat.id === state.chat && r.topic === state.topic })), {
		key: (r) => [r.chat.id, r.topic, r.head].join(),
		version: (r) => [r.name, r.icon, r.unread, r.here, r.closed, state.language].join('|'),
		make: (r) => el('li', { class: r.inner ? 'topic' : '' }, r.head
			? el('span', { class: 'chat-row head' }, avatar(r.name, r.chat.id), el('span', {}, cut(r.name, 'b'), el('small', {}, r.about)))
			: el('button', { type: 'button', class: 'chat-row', 'aria-current': r.here ? 'page' : false, onclick: () => go(ownOr(r.chat), r.topic) },
				!r.inner && avatar(r.name, r.chat.id),
				r.icon && el('span', { class: 'topic-icon', 'aria-hidden': 'true' }, r.icon),
				el('span', {}, cut(r.name, 'b'), (r.icon || !r.inner) && el('small', {}, r.inner ? iconWord(r.icon) : r.about)),
				r.closed && el('span', { class: 'closed', title: t('closed') }, icon('lock'), el('span', { class: 'unseen' }, t('closed'))),
				r.unread > 0 && el('span', { class: 'badge', 'aria-label': t('unreadHere', { n: number(r.unread) }) }, number(r.unread)))),
	});
}

// iconWord is what Peyk means by the icon of a topic.
const iconWord = (emoji) => t('icon.' + emoji.replaceAll('\ufe0f', ''));

// What Peyk may do in the group shown.

const botIsIn = (chat) => Boolean(chat?.members?.includes(state.named.Peyk));

// botIs has who one is add the bot to the group shown, or remove it.
const botIs = (what) => ask('telegram/bot', { chat: state.chat, from: state.who, do: what });

const isAdmin = () => Boolean(chatByID(state.chat)?.bot_rights.admin);

// setAdmin makes the bot an administrator of the group shown, with all that one may do, or an ordinary member.
function setAdmin(admin) {
	const rights = admin ? { admin, manage_topics: Boolean(chatByID(state.chat).forum), delete_messages: true, pin_messages: true } : {};
	return ask('telegram/bot', { chat: state.chat, do: 'rights', rights });
}

function drawRights() {
	const button = byID('rights');
	const chat = chatByID(state.chat);
	const group = Boolean(chat) && chat.type !== 'private';
	byID('join').hidden = !group || botIsIn(chat);
	byID('throw-out').hidden = button.hidden = !group || !botIsIn(chat);
	if (button.hidden) return;
	const word = isAdmin() ? 'botAdmin' : 'botMember';
	button.textContent = t(word);
	button.title = t(word + '.tell');
}

// Messages.

const log = () => byID('messages');

function drawMessages() {
	const here = [state.who, state.chat, state.topic].join();
	const moved = here !== where;
	const stick = moved || end.pinned;
	where = here;
	const chat = chatByID(state.chat);
	const topic = chat?.topics?.find((x) => x.id === state.topic);
	const all = messagesIn(state.chat, state.topic);
	const rows = all.slice(-shown);
	if (all.length > rows.length) rows.unshift({ id: 'earlier' });
	if (all.length === 0) rows.push({ id: 'empty' });
	const names = state.users.map((u) => u.first_name).join();
	list(log(), rows, {
		key: (m) => state.chat + '/' + m.id,
		version: (m) => m.from === undefined ? state.language + m.id : [state.who, state.language, names, m.edits ?? 0, JSON.stringify(m.reactions ?? ''),
			state.pending.has(messageKey(m)), state.reacting === messageKey(m) && ['offered', isAdmin()], m.reply_to && messageOf(m.chat, m.reply_to)?.deleted, chat?.type].join('|'),
		make: (m) => m.id === 'earlier' ? earlier() : m.id === 'empty' ? el('li', { class: 'service' }, emptyText(chat)) : m.service ? service(m, topic) : bubble(m, chat),
	});
	if (stick) end.down();
	if (log().checkVisibility()) see(state.chat, state.topic);
	rove();

	const title = titleHere(chat, topic);
	if (byID('chat-title').textContent !== title) byID('chat-title').replaceChildren(title);
	byID('chat-about').textContent = aboutChat(chat, topic);
}

function titleHere(chat, topic) {
	if (!chat || chat.type === 'private') return nameOf(state.named.Peyk);
	return chat.forum ? chat.title + ' › ' + (topic?.name ?? t('general')) : chat.title;
}

function aboutChat(chat, topic) {
	if (!chat || chat.type === 'private') return t('privateChat');
	const members = t('members', { who: chat.members.map(nameOf).join(state.language === 'fa' ? '، ' : ', ') });
	return topic?.closed ? t('closed') : members;
}

const emptyText = (chat) => !chat || chat.type === 'private' ? t('emptyPrivate') : !botIsIn(chat) ? t('emptyForeign') : chat.forum ? t('emptyForum') : t('emptyGroup');

function earlier() {
	return el('li', { class: 'service' }, el('button', { type: 'button', class: 'quiet', onclick: () => { shown += shownAtOnce; changed(); } }, t('earlier')));
}

function service(m, topic) {
	const sentence = t('service.' + m.service, { who: nameOf(m.from), topic: topic?.name ?? '' }) || m.service;
	return el('li', { class: 'service' }, el('span', {}, sentence));
}

// bubble is one message.
function bubble(m, chat) {
	const own = m.from === state.who;
	const body = el('div', { class: 'text', dir: 'auto' });
	const blocks = (m.entities ?? []).filter((e) => e.type === 'blockquote');
	// Of several SMS in one message each gets an arrow of its own: the reply then quotes it.
	const withArrow = (node, e) => blocks.length < 2 ? node : el('div', { class: 'quotable' }, node,
		el('button', { type: 'button', class: 'icon small', title: t('answerThis'), 'aria-label': t('answerThis'), onclick: () => answer(m, { text: m.text.slice(e.offset, e.offset + e.length), at: e.offset }) }, icon('reply')));
	body.append(formatted(m.text, m.entities, m.from_bot ? withArrow : undefined));
	const answered = m.reply_to ? messageOf(m.chat, m.reply_to) : null;
	const sms = m.from_bot && blocks.length > 0;
	return el('li', { class: ['message', own && 'own', m.from_bot && 'bot', sms && 'inbound'].filter(Boolean).join(' '), id: 'm' + m.id, 'data-id': m.id },
		!own && avatar(nameOf(m.from), m.from),
		el('div', { class: 'bubble' },
			!own && chat && chat.type !== 'private' && el('p', { class: 'from cut', dir: 'auto', 'data-colour': Math.abs(m.from) % 6 }, nameOf(m.from)),
			answered && el('button', { type: 'button', class: 'answered', onclick: () => show(m.reply_to), 'aria-label': t('answers', { what: gist(answered, m.quote) }) },
				answered.deleted ? el('span', {}, t('gone')) : [cut(nameOf(answered.from), 'b'), cut(gist(answered, m.quote))]),
			m.document && (m.document.photo ? photo(m) : file(m.document)),
			m.text !== '' && body,
			m.buttons && keyboard(m),
			el('div', { class: 'meta' }, reactions(m),
				m.edits > 0 && el('span', { title: t('editedBefore', { what: m.history?.at(-1)?.text ?? '' }) }, t('edited')),
				m.from_bot && sound(m),
				el('time', { datetime: m.date }, clock(m.date))),
			state.reacting === messageKey(m) && offered(m)),
		el('div', { class: 'actions' },
			action('reply', t('reply'), () => answer(m, quoteIn(body))),
			sms && action('react', t('react'), () => offer(m)),
			own && action('edit', t('edit'), () => startEdit(m))));
}

// sound says whether a message of the bot rang.
function sound(m) {
	const how = m.silent ? 'silent' : 'loud';
	return el('span', { class: 'sound ' + how, role: 'img', title: t(how + '.tell'), 'aria-label': t(how) }, icon(how));
}

const short = (text) => { const line = text.split('\n').filter((x) => x.trim()).join(' · '); return line.length > 90 ? line.slice(0, 90) + '…' : line; };

// gist is what a reply shows of the message it answers: the words quoted; of a shown SMS the customer's words.
function gist(m, quote) {
	const block = m.from_bot && m.entities?.find((e) => e.type === 'blockquote');
	return short(quote?.text ?? (block ? m.text.slice(block.offset, block.offset + block.length) : m.text || m.document?.name || (m.document?.photo ? t('photo') : '')));
}

function action(name, label, f) {
	// The press must not take the selection away before it is read.
	return el('button', { type: 'button', class: 'icon small ' + name, title: label, 'aria-label': label, onmousedown: (e) => e.preventDefault(), onclick: f }, icon(name));
}

// Reactions. Those of people have their names beside them; one's own is taken back by a press.

function reactions(m) {
	if (!m.reactions?.length) return null;
	return el('span', { class: 'reactions' }, m.reactions.map((r) => {
		const who = nameOf(r.from);
		const said = { class: 'reaction', title: who, 'aria-label': t('reacted', { who, emoji: r.emoji }) };
		const name = r.from !== state.named.Peyk && el('small', {}, bdi(who));
		if (r.from !== state.who) return el('span', { ...said, role: 'img' }, r.emoji, name);
		return el('button', { ...said, type: 'button', title: t('takeBack'), onclick: () => react(m, r.emoji) }, r.emoji, name);
	}));
}

const deeds = ['👌', '✍', '😴']; // what an agent's reaction to an SMS may do

const reactsWith = (m, emoji) => Boolean(m.reactions?.some((r) => r.from === state.who && r.emoji === emoji));

// offer opens the choice of reactions under a message, or closes it.
function offer(m) {
	const open = state.reacting !== messageKey(m);
	set({ reacting: open ? messageKey(m) : null });
	requestAnimationFrame(() => requestAnimationFrame(() => byID('m' + m.id)?.querySelector(open ? '.offered button' : '.react')?.focus({ preventScroll: true })));
}

function offered(m) {
	const close = (e) => { if (e.key === 'Escape') offer(m); };
	return el('div', { class: 'offered', role: 'group', 'aria-label': t('react'), onkeydown: close },
		deeds.map((emoji) => el('button', { type: 'button', 'aria-pressed': String(reactsWith(m, emoji)), onclick: () => { offer(m); react(m, emoji); } }, emoji, ' ', t('deed.' + emoji))),
		chatByID(m.chat)?.type !== 'private' && !isAdmin() && el('p', {}, t('botMember.tell'), ' ', el('button', { type: 'button', class: 'quiet', onclick: () => setAdmin(true) }, t('makeAdmin'))));
}

// react puts one's reaction on a message in place of another, or takes it back.
const react = (m, emoji) => ask('telegram/react', { from: state.who, chat: m.chat, message: m.id, emoji: reactsWith(m, emoji) ? [] : [emoji] });

function photo(m) {
	const d = m.document;
	return el('img', { class: 'photo', src: 'data:' + d.mime + ';base64,' + d.data, width: d.width, height: d.height, alt: m.text || t('photo') });
}

function file(d) {
	const save = () => {
		const bytes = Uint8Array.from(atob(d.data ?? ''), (c) => c.charCodeAt(0));
		// What strangers wrote must not be opened as a page of this address.
		const url = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
		el('a', { href: url, download: d.name || 'file' }).click();
		setTimeout(() => URL.revokeObjectURL(url), 1000);
	};
	return el('button', { type: 'button', class: 'file', onclick: save, title: t('save') }, icon('file'), cut(d.name || t('file')),
		el('small', {}, t('bytes', { n: number(Math.ceil((d.data?.length ?? 0) * 3 / 4 / 1024)) })));
}

function keyboard(m) {
	const waiting = state.pending.has(messageKey(m));
	const button = (b) => {
		if (b.url) return el('a', { class: b.style, href: /^https?:/i.test(b.url) ? b.url : '#', target: '_blank', rel: 'noopener noreferrer', dir: 'auto' }, b.text);
		if (b.copy_text) return el('button', { type: 'button', class: b.style, dir: 'auto', title: b.copy_text.text, onclick: () => copy(b.copy_text.text) }, b.text, icon('copy'));
		return el('button', { type: 'button', class: b.style, dir: 'auto', 'aria-busy': waiting ? 'true' : false, onclick: () => press(m, b.callback_data) }, b.text);
	};
	return el('div', { class: 'keyboard' }, m.buttons.map((row) => el('div', {}, row.map(button))));
}

async function press(m, data) {
	const key = messageKey(m);
	if (state.pending.has(key)) return;
	state.pending.add(key);
	changed();
	const answer = state.bridge.running ? await ask('telegram/press', { from: state.who, chat: m.chat, message: m.id, data, seconds: 15 }) : (toast(t('botDead')), null);
	state.pending.delete(key);
	if (answer?.text) toast(answer.text);
	changed();
}

// pinned is the message pinned last in the chat or topic shown.
const pinned = () => messagesIn(state.chat, state.topic).findLast((m) => m.pinned);

function drawPinned() {
	const m = pinned();
	byID('pinned').hidden = !m;
	list(byID('pinned'), m ? [m] : [], {
		key: messageKey,
		version: () => [m.edits ?? 0, state.language].join(),
		make: () => el('span', {}, icon('pin'), el('span', {}, el('b', {}, t('pinned')), cut(gist(m)))),
	});
}

// show brings a message into view.
function show(id) {
	const node = byID('m' + id);
	if (!node) return;
	node.scrollIntoView({ block: 'center', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
	node.classList.add('found');
	setTimeout(() => node.classList.remove('found'), 1500);
}

// Of all messages one is a stop of the Tab key: the one that had the focus last, else the newest. The arrows go from one to the next, and Tab on to its
// own buttons.

let stop = 0; // its id
let newest = 0; // the last message there was: who never left it goes on to the next
const roved = new WeakMap(); // of each message drawn: is it the stop

const bubbles = () => [...log().children].filter((n) => n.dataset.id);

function rove() {
	const all = bubbles();
	const kept = all.find((n) => n.dataset.id === String(stop));
	const here = kept && (kept.contains(document.activeElement) || stop !== newest) ? kept : all.at(-1);
	newest = Number(all.at(-1)?.dataset.id ?? 0);
	stop = Number(here?.dataset.id ?? 0);
	for (const node of all) {
		if (roved.get(node) === (node === here)) continue;
		roved.set(node, node === here);
		for (const x of [node, ...focusable(node)]) x.tabIndex = node === here ? 0 : -1;
	}
}

function startRoving() {
	log().addEventListener('focusin', (e) => {
		const id = Number(e.target.closest('[data-id]')?.dataset.id ?? stop);
		if (id === stop) return;
		stop = id;
		rove();
	});
	log().addEventListener('keydown', (e) => {
		const all = bubbles();
		const at = all.indexOf(e.target.closest('[data-id]'));
		const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: all.length - 1 }[e.key];
		if (to === undefined || at < 0 || e.target.matches('.offered *')) return;
		e.preventDefault();
		all[Math.max(0, Math.min(to, all.length - 1))].focus();
	});
}

// speak lets a screen reader read what others write here, and what arrives on telephones.
function speak({ kind, by, message, sms }) {
	if (kind === 'arrived') byID('spoken').textContent = t('arrives', { number: sms.customer, what: sms.text });
	if ((kind !== 'posted' && kind !== 'said') || by === state.who || message.service || message.chat !== state.chat) return;
	byID('spoken').textContent = t('says', { who: nameOf(by), what: message.text });
}

// Writing.

const words = () => byID('words');

// openPrompt has a message of the bot open one's reply field, once, and again when one comes back without having answered.
function openPrompt() {
	const { who, chat, topic } = state;
	if (state.reply && messageOf(chat, state.reply.message.id)?.deleted) set({ reply: null });
	const here = messagesIn(chat, topic);
	const m = here.findLast((x) => x.prompt && (x.prompt.for ?? [who]).includes(who));
	const due = m && !here.some((x) => x.reply_to === m.id && x.from === who) ? m.id : 0;
	if (due === state.prompted) return;
	state.prompted = due;
	if (due) answer(m);
}

// answer begins a reply, with a part of the message quoted or not.
export function answer(message, quote = null) {
	if (state.editing) stopEdit();
	set({ reply: { message, quote } });
	words().focus();
}

function startEdit(message) {
	draft.leave();
	set({ editing: message, reply: null });
	put(message.text);
	words().focus();
}

// stopEdit goes back to what was begun before.
function stopEdit() {
	state.editing = null;
	draft.arrive();
	changed();
}

function stopAbout() {
	if (state.editing) stopEdit();
	else set({ reply: null });
	words().focus();
}

// put has the composer say so.
export function put(text) {
	words().value = text;
	grow(words());
}

// The draft of a place is what the composer holds when one leaves, or closes the page.

draft.leave = () => {
	if (state.editing || !state.who) return;
	const text = words().value;
	const reply = state.reply && { id: state.reply.message.id, quote: state.reply.quote };
	if (text === '' && !reply) delete state.drafts[place()];
	else state.drafts[place()] = { text, reply };
};

draft.arrive = () => {
	const { text = '', reply } = state.drafts[place()] ?? {};
	const message = reply && messageOf(state.chat, reply.id);
	put(text);
	state.reply = message && !message.deleted ? { message, quote: reply.quote } : null;
};

let aboutShown = null;

function drawAbout() {
	const bar = byID('about');
	const what = state.editing ?? state.reply;
	const version = what && [what, state.language];
	words().placeholder = state.reply?.message.prompt?.field || t('message');
	if (version ? aboutShown && version.every((x, i) => x === aboutShown[i]) : aboutShown === null) return;
	aboutShown = version;
	bar.hidden = !what;
	if (!what) return bar.replaceChildren();
	const label = state.editing ? t('editing') : state.reply.quote ? t('quoting', { who: nameOf(state.reply.message.from) }) : t('replying', { who: nameOf(state.reply.message.from) });
	const text = state.editing ? short(state.editing.text) : gist(state.reply.message, state.reply.quote);
	bar.replaceChildren(icon(state.editing ? 'edit' : 'reply'), el('p', {}, el('b', {}, label), cut(text)),
		el('button', { type: 'button', class: 'icon', 'aria-label': t('cancel'), title: t('cancel'), onclick: stopAbout }, icon('close')));
}

function startComposer() {
	const form = byID('composer');
	enterSends(words());
	addEventListener('pagehide', () => { draft.leave(); keep(); });
	words().addEventListener('keydown', (e) => {
		if (e.key !== 'Escape') return;
		if (!byID('menu').hidden) return closeMenu();
		stopAbout();
	});
	form.addEventListener('submit', async (e) => {
		e.preventDefault();
		const text = words().value.trim();
		if (text === '') return;
		closeMenu();
		const { editing } = state;
		const here = place();
		const done = editing
			? await ask('telegram/edit', { from: state.who, chat: state.chat, message: editing.id, text })
			: await say({ text });
		if (!done) return;
		if (place() !== here) { // somebody was faster than the answer: what was sent is no draft any more
			if (!editing) delete state.drafts[here];
			return;
		}
		end.down();
		if (editing) return stopEdit();
		put('');
		set({ reply: null });
	});
	byID('attach').addEventListener('click', () => byID('file').click());
	byID('file').addEventListener('change', async (e) => {
		const chosen = e.target.files[0];
		if (!chosen) return;
		const bytes = new Uint8Array(await chosen.arrayBuffer());
		let data = '';
		for (let i = 0; i < bytes.length; i += 0x8000) data += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
		const caption = words().value.trim();
		if (await say({ document: { name: chosen.name, mime: chosen.type || 'application/octet-stream', data: btoa(data) }, caption })) {
			put('');
			set({ reply: null });
		}
		e.target.value = '';
	});
	byID('commands').addEventListener('click', () => byID('menu').hidden ? openMenu() : closeMenu());
	byID('menu').addEventListener('keydown', (e) => { if (e.key === 'Escape') { closeMenu(); words().focus(); } });
}

// say puts what one writes into the chat or topic shown, as an answer to what is being answered.
export function say(post) {
	const fields = { chat: state.chat, from: state.who, ...post };
	if (state.topic) fields.topic = state.topic;
	if (state.reply) {
		fields.reply_to = state.reply.message.id;
		if (state.reply.quote) fields.quote = state.reply.quote;
	}
	return ask('telegram/say', fields);
}

// openMenu shows the commands the bot offers to who one is.
async function openMenu() {
	const commands = await look('telegram/commands?chat=' + state.chat + '&user=' + state.who);
	const menu = byID('menu');
	menu.replaceChildren(...(commands?.length ? commands.map((c) => el('button', {
		type: 'button', onclick: () => {
			put('/' + c.command + ' ');
			closeMenu();
			words().focus();
		},
	}, el('b', { dir: 'ltr' }, '/' + c.command), el('span', { dir: 'auto' }, c.description))) : [el('p', {}, t('noCommands'))]));
	menu.hidden = false;
	byID('commands').setAttribute('aria-expanded', 'true');
	menu.querySelector('button')?.focus();
}

function closeMenu() {
	byID('menu').hidden = true;
	byID('commands').setAttribute('aria-expanded', 'false');
}
