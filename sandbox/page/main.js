// The page: language, tabs, and the parts that draw what state.js holds.

import { startBreaking } from './breaking.js';
import { startChat } from './chat.js';
import { ask } from './ask.js';
import { byID } from './dom.js';
import { startGuide } from './guide.js';
import { arrivals, startPhones } from './phones.js';
import { chatsOf, connect, set, state, unread, watch } from './state.js';
import { number, t } from './words.js';

let spoken = ''; // the language the fixed words stand in

// drawWords puts the fixed words of index.html into the language chosen.
function drawWords() {
	if (spoken === state.language) return;
	spoken = state.language;
	document.documentElement.lang = state.language;
	document.documentElement.dir = state.language === 'fa' ? 'rtl' : 'ltr';
	document.title = t('title');
	for (const node of document.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
	for (const node of document.querySelectorAll('[data-t-label]')) {
		node.setAttribute('aria-label', t(node.dataset.tLabel));
		if (node.tagName === 'BUTTON') node.title = t(node.dataset.tLabel);
	}
	for (const node of document.querySelectorAll('[data-t-placeholder]')) node.placeholder = t(node.dataset.tPlaceholder);
	const other = byID('language');
	other.textContent = state.language === 'fa' ? 'English' : 'فارسی';
	other.lang = state.language === 'fa' ? 'en' : 'fa';
}

// The bot speaks what the page speaks, from the first moment on, wherever a chat has chosen nothing else.

byID('language').addEventListener('click', () => {
	set({ language: state.language === 'fa' ? 'en' : 'fa' });
	ask('bridge/language', { language: state.language });
});

let met = false;

function meet() {
	if (met || !state.begun) return;
	met = true;
	if (state.messages.size === 0 && state.bridge.language !== state.language) ask('bridge/language', { language: state.language });
}

// Tabs of a narrow screen. On a wide one everything is in view and they are hidden.

let arrivalsSeen = null;

const shownTab = () => state.tab === 'chats' ? 'telegram' : state.tab; // the list of chats is a part of it

function drawTabs() {
	if (state.tab === 'phones' || arrivalsSeen === null) arrivalsSeen = state.begun ? arrivals() : null;
	const news = {
		telegram: shownTab() === 'telegram' || !state.who ? 0 : chatsOf(state.who).flatMap((c) => [unread(c.id), ...(c.topics ?? []).map((x) => unread(c.id, x.id))]).reduce((a, b) => a + b, 0),
		phones: arrivals() - (arrivalsSeen ?? 0),
	};
	for (const tab of document.querySelectorAll('.tabs button')) {
		tab.setAttribute('aria-current', String(tab.dataset.tab === shownTab()));
		const badge = tab.querySelector('.badge');
		if (!badge) continue;
		badge.hidden = !news[tab.dataset.tab];
		badge.textContent = number(news[tab.dataset.tab]);
	}
}

for (const tab of document.querySelectorAll('.tabs button')) tab.addEventListener('click', () => set({ tab: tab.dataset.tab }));

watch(drawWords);
watch(meet);
watch(() => { document.body.dataset.tab = state.tab; }); // what the parts draw depends on whether they are seen
watch(() => { document.body.inert = !state.begun; }); // nobody can do anything before: who one is is not known
watch(() => { byID('offline').hidden = state.connected || !state.begun; });
startChat();
startPhones();
startBreaking();
startGuide();
watch(drawTabs);
drawWords();
connect();
