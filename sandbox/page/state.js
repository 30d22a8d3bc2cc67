// What there is: fed by the sandbox's events, and by what the user of the page chooses. All else only draws it.

export const state = {
	connected: false, // false before the first event and after the connection was lost
	begun: false, // all that there is was heard once
	named: {}, // ids of those there are at the beginning, by their English names, whatever they are called now
	lines: [],
	users: [],
	chats: [],
	messages: new Map(), // chat id -> Map of message id -> message
	sms: new Map(), // key -> an SMS of a telephone
	panel: { down: false, credit: 0, password: '', faults: [], expected: {} },
	telegram: { down: false, faults: [] },
	bridge: { running: false, starts: 0 },
	counts: {},
	clock: {}, // now: what time it is in the sandbox

	// Chosen here.
	language: localStorage.getItem('language') ?? (navigator.language.startsWith('fa') ? 'fa' : 'en'),
	who: 0, // a user's id
	chat: 0,
	topic: 0,
	tab: 'telegram', // of a narrow screen: chats is the list of them
	unfolded: localStorage.getItem('strip') === 'unfolded', // the strip with the sums and what breaks things
	reply: null, // { message, quote } being answered
	editing: null, // the message being edited
	reacting: null, // the key of the message under which reactions are offered
	prompted: 0, // the message that has opened the reply field
	added: [], // telephones beside those there are
	drafts: {}, // what was begun to be written, by place: { text, reply: { id, quote } }
	written: {}, // what was begun on telephones, by number
	world: '', // which sandbox it is: another has other messages under the same numbers
	pending: new Set(), // buttons waiting for the bot: see pressKey
	read: new Map(), // what each person has seen where: see place
};

const watchers = [];
let drawing = false;

// watch has f called after changes, many changes at once.
export function watch(f) {
	watchers.push(f);
}

// What is drawn anew between the press of a mouse and its release loses the click, so drawing waits for that; not for long, as a release
// outside of the window is not heard of.
let pressed = -Infinity;
addEventListener('pointerdown', () => { pressed = performance.now(); }, true);
for (const end of ['click', 'pointercancel']) addEventListener(end, () => { pressed = -Infinity; }, true);
const patience = 500; // milliseconds

// changed lets everything be drawn soon.
export function changed() {
	if (drawing) return;
	drawing = true;
	requestAnimationFrame(function draw() {
		if (performance.now() - pressed < patience) {
			requestAnimationFrame(draw);
			return;
		}
		drawing = false;
		for (const f of watchers) f();
	});
}

// set changes what is chosen. What is begun to be written stays where it was begun, and waits there.
export function set(choice) {
	const elsewhere = ['who', 'chat', 'topic'].some((x) => x in choice && choice[x] !== state[x]);
	if (elsewhere || 'tab' in choice) queueMicrotask(writeAddress); // what is chosen at once is one step for the back button, however late it is drawn
	if (elsewhere) draft.leave();
	Object.assign(state, choice);
	if (elsewhere) {
		Object.assign(state, { reply: null, editing: null, reacting: null, prompted: 0 });
		draft.arrive();
	}
	if ('language' in choice) localStorage.setItem('language', state.language);
	if ('unfolded' in choice) localStorage.setItem('strip', state.unfolded ? 'unfolded' : 'folded');
	if ('added' in choice) keep();
	changed();
}

// draft is how the composer keeps what was begun somewhere, and shows it again. It sets both.
export const draft = { leave() {}, arrive() {} };

// keep has a reload find the drafts and the telephones again.
export function keep() {
	sessionStorage.setItem('kept', JSON.stringify({ world: state.world, drafts: state.drafts, added: state.added, written: state.written }));
}

// recall takes up what was kept. Of another sandbox no message is known by its number.
function recall() {
	const kept = JSON.parse(sessionStorage.getItem('kept') ?? 'null');
	if (!kept) return;
	if (kept.world !== state.world) for (const d of Object.values(kept.drafts)) delete d.reply;
	Object.assign(state, { drafts: kept.drafts, added: kept.added, written: kept.written });
}

// Where one is stands in the address, so that a reload finds it again, and the back button what was before.

const tabs = ['telegram', 'chats', 'phones', 'breaking'];
const parts = matchMedia('(max-width: 760px), (max-height: 520px)'); // one part of the page is seen at a time: as in style.css

const address = () => '#' + [state.who, state.chat, state.topic, state.tab].join('/');

// writeAddress makes each place a step of the back button. A part of the page is one only where it alone is seen.
function writeAddress() {
	const now = address();
	if (!state.begun || location.hash === now) return;
	const moved = location.hash !== '' && (parts.matches || location.hash.slice(0, location.hash.lastIndexOf('/')) !== now.slice(0, now.lastIndexOf('/')));
	if (moved) history.pushState(null, '', now);
	else history.replaceState(null, '', now);
}

// readAddress goes where the address says, as far as there is such a person, chat and topic. Where it is wrong it is corrected: a step of its own would
// lead back to the wrong one for ever.
function readAddress() {
	const [who, chat, topic, tab] = location.hash.slice(1).split('/');
	const person = people().find((u) => u.id === Number(who)) ?? user(state.named.Ali) ?? people()[0];
	if (!person) return;
	const there = chatsOf(person.id).find((c) => c.id === Number(chat));
	const known = there?.topics?.some((x) => x.id === Number(topic));
	set({ who: person.id, chat: (there ?? chatsOf(person.id)[0]).id, topic: known ? Number(topic) : 0, tab: tabs.includes(tab) ? tab : 'telegram' });
	history.replaceState(null, '', address());
}

addEventListener('popstate', () => { if (state.begun) readAddress(); });

// A browser may set the page aside whole and show it again on the way back. It has heard nothing meanwhile, and all that one did survives a reload.
addEventListener('pageshow', (e) => { if (e.persisted) location.reload(); });

const heard = []; // listeners of single events

// hear has f called with each event of a chat as it happens, and with { kind: 'arrived', sms } when one is on a telephone.
export function hear(f) {
	heard.push(f);
}

// connect begins to listen. The browser connects again by itself, and then everything begins anew.
export function connect() {
	const events = new EventSource('live');
	events.addEventListener('begin', (e) => {
		const { world, named, lines, messages } = JSON.parse(e.data);
		Object.assign(state, { connected: true, world, named, lines, messages: new Map(), sms: new Map() });
		messages.forEach(put);
		if (!state.begun) {
			state.seenBefore = new Set(messages.map(messageKey));
			recall();
		}
		changed();
	});
	events.addEventListener('chat', (e) => {
		const event = JSON.parse(e.data);
		put(event.message);
		for (const f of heard) f(event);
		changed();
	});
	events.addEventListener('sms', (e) => {
		const first = state.sms.size === 0;
		for (const sms of JSON.parse(e.data)) {
			state.sms.set(sms.key, sms);
			if (sms.status === 4 && !first) for (const f of heard) f({ kind: 'arrived', sms });
		}
		changed();
	});
	events.addEventListener('state', (e) => {
		Object.assign(state, JSON.parse(e.data), { begun: true });
		if (!state.who || !chatsOf(state.who).some((c) => c.id === state.chat)) readAddress(); // at first, and when one was put out of a group
		changed();
	});
	events.addEventListener('error', () => {
		state.connected = false;
		changed();
	});
}

export const messageKey = (m) => m.chat + '/' + m.id;

function put(message) {
	if (!message.chat) return;
	if (!state.messages.has(message.chat)) state.messages.set(message.chat, new Map());
	state.messages.get(message.chat).set(message.id, message);
}

export const people = () => state.users.filter((u) => !u.is_bot);
export const user = (id) => state.users.find((u) => u.id === id);
export const nameOf = (id) => user(id)?.first_name ?? String(id);
export const chatByID = (id) => state.chats.find((c) => c.id === id);

// chatsOf is what a person sees: the groups they are in, and their own chat with the bot, begun or not.
export function chatsOf(who) {
	const groups = state.chats.filter((c) => c.type !== 'private' && c.type !== 'channel' && !c.migrated_to && c.members?.includes(who));
	return [...groups, { id: who, type: 'private', title: nameOf(state.named.Peyk) }];
}

export const messageOf = (chat, id) => state.messages.get(chat)?.get(id);

// messagesIn is what stands in a chat, or in a topic of a forum, where 0 is General.
export function messagesIn(chat, topic = 0) {
	const all = [...(state.messages.get(chat)?.values() ?? [])];
	const forum = chatByID(chat)?.forum;
	return all.filter((m) => !m.deleted && (!forum || (m.topic ?? 0) === topic));
}

export const place = (chat = state.chat, topic = state.topic) => state.who + '|' + chat + '|' + topic;

// see remembers that the person who one is has seen all that stands somewhere.
export function see(chat, topic) {
	const last = messagesIn(chat, topic).at(-1);
	if (last) state.read.set(place(chat, topic), last.id);
}

export function unread(chat, topic = 0) {
	const seen = state.read.get(place(chat, topic)) ?? 0;
	let n = 0;
	for (const m of messagesIn(chat, topic)) {
		if (m.id > seen && m.from !== state.who && !m.service && !state.seenBefore.has(messageKey(m))) n++;
	}
	return n;
}

// usual are the telephones that are always there.
const usual = ['09121111111', '09122222222'];
const mostPhones = 12;

// plainNumber gives a number one form, as the panel does: with Latin digits, 09… for Iranian mobile numbers.
export function plainNumber(number) {
	let n = number.replace(/[۰-۹]/g, (d) => d.charCodeAt(0) - 0x6f0).replace(/[٠-٩]/g, (d) => d.charCodeAt(0) - 0x660).replace(/[ -]/g, '');
	n = n.replace(/^(\+|00)/, '+');
	if (/^\+?989\d{9}$/.test(n)) return '0' + n.replace(/^\+?98/, '');
	if (/^9\d{9}$/.test(n)) return '0' + n;
	return n;
}

// telephones are the numbers there are, with what each wrote and received, in order.
export function telephones() {
	const all = new Map(usual.concat(state.added).map((n) => [n, []]));
	for (const row of state.sms.values()) {
		const number = plainNumber(row.customer);
		if (!all.has(number)) all.set(number, []);
		all.get(number).push(row);
	}
	return [...all].slice(0, mostPhones).map(([number, rows]) => ({ number, rows: rows.sort((a, b) => a.at.localeCompare(b.at)) }));
}
