package bot

import (
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	ptime "github.com/yaa110/go-persian-calendar"

	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// text is every sentence the bot says in one language, as HTML; english and persian are the two there are. The %v of a sentence stand
// for the arguments named behind it; those that are foreign text are escaped by the caller with code or esc.
type text struct {
	persian bool // digits, dates and the direction of writing

	// Answers to commands.
	hello          string
	helloStranger  string // user id
	welcomeOwner   string
	helpHead       string
	helpReply      string
	helpCommand    string // command, what it does
	helpExample    string // command with what follows it
	id             string // user id, chat id
	credit         string // credit
	unknownCommand string // command
	onlyAdmins     string
	onlyText       string
	notYourWords   string
	notAnSMS       string
	toNobody       string
	elsewhere      string
	toMany         string // number of recipients
	undecided      string
	cannotAnswer   string // customer
	answerNobody   string
	faceless       string
	edited         string
	editedAsked    string
	editedUnsent   string
	nothingToSend  string
	garbled        string
	noRecipient    string
	anotherPlace   string // customer
	wrongNumbers   string // numbers, one a line
	aboveCap       string // parts, what is left of the cap, the cap; 200 characters at most, for a button's answer
	notAllowed     string // numbers, one a line; prefixes
	editUnread     string
	lineIs         string // line, lines
	lineSet        string // line
	notOurLine     string // given, lines
	inboxOn        string
	inboxOnLines   string // lines
	inboxOff       string
	inboxIs        string // state
	inboxAll       string
	inboxNone      string
	inboxUsage     string
	inboxLinked    string // customer
	noStatus       string
	notSent        string
	statusLine     string         // panel's id, status
	statusUnknown  string         // the panel's code
	statuses       map[int]string // by the panel's code; 0 is an answer that says nothing
	languageSet    string
	languageUsage  string
	allowed        string // who
	allowedAlready string // who
	allowUsage     string
	denied         string // who
	denyUsage      string
	denyYourself   string
	denySettings   string // who
	denyUnknown    string // who
	userLine       string // who, what
	userAdmin      string
	userAgent      string
	welcomeGroup   string
	welcomeShown   string
	welcomeLinked  string // customer
	showHere       string
	leaving        string
	leftGroup      string // who, title
	topicsOn       string
	topicsOff      string
	topicsNoForum  string
	topicsUsage    string
	linked         string // customer
	unlinked       string // customer
	linkUsage      string
	notLinked      string
	named          string // customer, name
	nameless       string // customer
	nameUsage      string
	taken          string // who, customer
	takeUsage      string
	takenByNobody  string // customer
	takenByOther   string // who
	released       string // customer
	marks          string

	// The card of a customer.
	cardHead   string // who
	cardLine   string // line
	cardCounts string // how many came, how many were sent
	cardSince  string // time
	cardOwner  string // who
	cardNobody string
	cardRule   string

	// What the panel says.
	unsure           string // words
	panelRejected    string // words
	panelAuth        string
	panelUnavailable string
	panelUncertain   string

	// An inbound SMS.
	smsHead    string // customer, line, time, short id
	noSender   string // in the customer's place
	smsPart    string // part, parts
	digestHead string // how many, the short id of one
	whichOne   string // the short id of one
	repeated   string
	asItCame   string
	times      string // how often it came in a row
	arrivedAt  string // time

	// How far a batch has come: one recipient, then many.
	to             string // customer
	toCount        string // recipients
	queued         string
	waitsDown      string
	waitsLogin     string
	sending        string
	sent           string
	sentNoReport   string
	sentLongAgo    string // hours
	telecomLongAgo string // hours
	atTelecom      string
	delivered      string
	failed         string // reason
	dropped        string
	askAgain       string
	askAgainPart   string // how many of, how many
	cancelled      string // by
	cancelledRest  string // by
	expired        string
	expiredRest    string
	counts         string // how many, what
	countQueued    string
	countSending   string
	countSent      string
	countAtTelecom string
	countDelivered string
	countFailed    string
	countUncertain string
	countLeft      string
	countDropped   string
	noReport       string // how many
	failedOne      string // customer, reason
	more           string // how many
	decidedAgain   string // by
	decidedWas     string // by
	decidedLeave   string // by

	// The question before sending.
	askTo          string // customer
	ask            string // recipients, parts each, parts in all
	askLate        string
	askLatePart    string // how many
	askLatin       string // characters in one part, in each of several
	askUnicode     string // character, its name, as askLatin
	askForeign     string // numbers
	askLinks       string
	askNumber      string // what the text begins with
	askCredit      string // credit
	answering      string // who
	answeringSome  string // who
	same           string
	sendAnyway     string
	leaveIt        string
	askTooLittle   string
	send, cancel   string
	again, was     string
	leave          string
	pressOld       string
	pressAlready   string // who
	pressExpired   string
	pressUnderWay  string
	pressDone      string
	pressNotYours  string
	pressNotAgent  string
	pressNotAdmins string

	// Why an SMS did not arrive: the panel's status codes 2, 5 and 6.
	telecomTrouble string
	notDelivered   string
	blackList      string

	// Incidents.
	fetchLost        string // from, to, how many, of how many fetches
	fetchCut         string // time, how many
	fetchCutAgain    string // from, to, of how many fetches, how many were saved
	undecodable      string // time
	undecodableAgain string // from, to, how many
	notKept          string // how many
	noChat           string
	chatLost         string // chat, reason
	postRefused      string // chat, reason
	unshown          string // reason
	unshownSMS       string // reason
	showAgain        string
	shownAgain       string
	linkLost         string // customer, chat
	noTopics         string // chat, reason
	panelRefuses     string // reason
	panelAccepts     string // from, to
	panelRepeats     string // how often
	panelDown        string // since
	panelBack        string // from, to
	lowCredit        string // credit, limit
	lowCreditDays    string // how much a day, days
	clockWrong       string // minutes
	restored         string // the backup's time, now

	// What a check finds. Each begins with what it is about.
	checkWhole         string // path
	checkCopyWhole     string // path
	checkNoStore       string // path
	checkNoFile        string // path
	checkStoreOpen     string // path, mend
	checkStoreShut     string // path
	checkStoreBusy     string // path
	checkStoreNewer    string // path
	checkDamaged       string // path, mend
	checkNoCopy        string // path
	checkDir           string // directory
	checkRoom          string // directory, MB
	checkNobody        string
	checkNoInbox       string
	checkTelegramName  string
	checkTelegramClear string
	checkToken         string
	checkBot           string // name, link
	checkPrivacy       string
	checkHearsAll      string
	checkWebhook       string // mend
	checkContested     string // time
	checkChat          string // chat
	checkNoChat        string // chat
	checkThrownOut     string // chat
	checkMuted         string // chat
	checkMoved         string // chat, new id
	checkNoTopics      string // chat
	checkTopics        string // chat
	checkAdmin         string // user id
	checkPanelName     string
	checkPanelClear    string
	checkLogin         string // credit
	checkPassword      string
	checkWebLogin      string
	checkPanelRefuses  string // words
	checkNoSOAP        string
	checkWSDL          string // methods
	checkLines         string // lines
	checkForeign       string // line
	checkUntold        string // lines
	checkClock         string
	checkClockOff      string // minutes, compared with whose
	checkPanelClock    string // minutes

	// Why a check does not get to the other side: whose it is, the setting of its address, that of its proxy.
	netProxy         string // name, proxy
	netName          string // name, address
	netRefused       string // name, address, proxy
	netSilent        string // name, address, proxy
	netWantsHTTP     string // name, address
	netWantsHTTPS    string // name, address
	netCertificate   string // name, address
	netExpired       string // name, address
	netOtherName     string // name, address
	netUnknownIssuer string // name, address
	netOldTLS        string // name, address
	netRedirect      string // name, address
	netStatus        string // name, HTTP status, address
	netBroken        string // name, address

	// Menu and help: what each command does, and how it is written.
	commands, examples map[string]string
}

var english = text{
	hello:          "Peyk joins your SMS line to Telegram. Customers' SMS appear in your group; reply to one and the answer goes out as an SMS. Send /help for what you can do.",
	helloStranger:  "This is a private bot. Your Telegram id is %v: an administrator can let you in with it.",
	welcomeOwner:   "You are now the owner. Add me to the group where SMS shall appear, or send /inbox on here.",
	helpHead:       "<b>Peyk</b> joins SMS to Telegram.",
	helpReply:      "Reply to a shown SMS and your text goes to that customer. Nothing else you write to one another is sent.",
	helpCommand:    "/%v – %v",
	helpExample:    "     %v",
	id:             "You are %v, this chat is %v.",
	credit:         "Credit at the panel: %v",
	unknownCommand: "There is no command %v. Nothing was sent. /help lists what there is.",
	onlyAdmins:     "Only administrators can do that.",
	onlyText:       "An SMS is only text: nothing was sent. Write the answer as a text reply.",
	notYourWords:   "Those are somebody else's words, forwarded or written by another bot: <b>nothing was sent</b>. Write it yourself.",
	notAnSMS:       "That message is no SMS I know: <b>nothing was sent</b>. Reply to a customer's SMS, or use <code>/send NUMBER TEXT</code>.",
	toNobody:       "I do not know whom that is for: <b>nothing was sent</b>. Reply to a customer's SMS, or use <code>/send NUMBER TEXT</code>.",
	toMany:         "That is about %v recipients: <b>nothing was sent</b>. Use <code>/send NUMBER TEXT</code> to write to one of them.",
	undecided:      "That message asks something, and words do not answer it: press a button under it; <b>nothing was sent</b>.",
	elsewhere:      "That answers a message from another chat or topic: <b>nothing was sent</b>. Reply where the SMS is shown, or use <code>/send NUMBER TEXT</code>.",
	answerNobody:   "The panel did not say who sent this SMS: it cannot be answered. Nothing was sent.",
	cannotAnswer:   "%v is a sender's name, or not surely a telephone number: it cannot be answered. Nothing was sent.",
	faceless:       "I cannot tell who you are: <b>nothing was done</b>. Switch off “Remain anonymous” for yourself in this group, or write as yourself instead of a channel.",
	edited:         "The SMS was ordered with the text as it was: the edit changes nothing. To correct it, send another one.",
	garbled:        "Part of the text did not arrive whole, perhaps half of an emoji: nothing was sent. Write it anew.",
	editedAsked:    "The question is about the text as it was: the edit changes nothing. Call it off by its button, and write it anew.",
	editedUnsent:   "Nothing was sent, and the edit changes nothing: write it anew.",
	nothingToSend:  "There is no text: nothing was sent. Use <code>/send NUMBER TEXT</code>.",
	noRecipient:    "There is no number: nothing was sent. Use <code>/send NUMBER[,NUMBER…] TEXT</code>, for example <code>/send 09121234567 Hello</code>.",
	anotherPlace:   "That message is of another customer, and this place belongs to %v: <b>nothing was sent</b>. Reply without <code>/send</code>, or use <code>/send NUMBER TEXT</code>.",
	wrongNumbers:   "These are no telephone numbers; nothing was sent to anybody:\n%v",
	aboveCap:       "Nothing was sent: that is above your cap of a day. SMS parts it takes: %v, left today: %v of %v. Who runs the bot can change DAILY_PARTS.",
	notAllowed:     "These numbers may not be sent to; nothing was sent to anybody:\n%v\nAllowed are those that begin with %v. Who runs the bot can change ALLOWED_PREFIXES.",
	editUnread:     "Edits are not read: nothing was done. Write it anew.",
	lineIs:         "This chat sends from %v. Our lines: %v",
	lineSet:        "This chat now sends from %v.",
	notOurLine:     "%v is not a line of ours. Our lines: %v",
	inboxOn:        "Inbound SMS of all lines are now shown here.",
	inboxOnLines:   "Inbound SMS of %v are now shown here.",
	inboxOff:       "Inbound SMS are no longer shown here.",
	inboxIs:        "Inbound SMS here: %v",
	inboxAll:       "all lines.",
	inboxNone:      "none.",
	inboxLinked:    "Those of %v still are: this place belongs to them.",
	inboxUsage:     "Use <code>/inbox on</code>, <code>/inbox on LINE…</code> or <code>/inbox off</code>.",
	noStatus:       "Nothing was sent from this chat yet, as far as I remember.",
	notSent:        "That message is not about an SMS we sent, as far as I remember.",
	statusLine:     "%v: %v",
	statusUnknown:  "status %v, which the panel's guide does not know",
	statuses: map[int]string{
		0: "the panel does not know it", 1: "being sent", 2: "trouble in the telecom's network", 3: "at the telecom", 4: "delivered", 5: "not delivered", 6: "on the black list",
	},
	languageSet:    "From now on I speak English here.",
	languageUsage:  "Use <code>/language en</code> or <code>/language fa</code>.",
	allowed:        "%v may use the bot now.",
	allowedAlready: "%v may use the bot already.",
	allowUsage:     "Use <code>/allow ID</code>, or reply <code>/allow</code> to a message of theirs. They see their id when they write me /id.",
	denied:         "%v may no longer use the bot.",
	denyUsage:      "Use <code>/deny ID</code>, or reply <code>/deny</code> to a message of theirs. /users lists who may use the bot.",
	denyYourself:   "You cannot take yourself off the list: another administrator has to.",
	denySettings:   "%v stands in the settings: take the id out of ALLOWED_USERS or ADMIN_USERS and start me again.",
	denyUnknown:    "%v is not on the list.",
	userLine:       "%v: %v",
	userAdmin:      "administrator",
	userAgent:      "agent",
	welcomeGroup:   "Hello. I show customers' SMS here once you press the button or send /inbox on. Reply to an SMS and the answer goes out.",
	welcomeShown:   "Hello. Customers' SMS are shown here. Reply to one and the answer goes out.",
	welcomeLinked:  "Hello. SMS of %v are shown here. Reply to one and the answer goes out. Press the button to see those of others, too.",
	showHere:       "Show SMS here",
	leaving:        "Only an administrator of mine may add me to a group: I leave this one. Ask them to add me.",
	leftGroup:      "⚠️ %v added me to the group “%v”. As only administrators may do that, I left it.",
	topicsOn:       "From now on each customer has a topic here. I need the right <b>Manage Topics</b> for that.",
	topicsOff:      "No more topics are made here: SMS are shown outside of them. The topics there are stay.",
	topicsNoForum:  "This group has no topics. Switch them on in its settings (Edit – Topics), then write <code>/topics on</code> again.",
	topicsUsage:    "Use <code>/topics on</code> or <code>/topics off</code>.",
	linked:         "SMS of %v are now shown here and nowhere else. <code>/send TEXT</code> goes to them.",
	unlinked:       "This place no longer belongs to %v: their next SMS is shown where those of others are.",
	linkUsage:      "Use <code>/link NUMBER</code>, for example <code>/link 09121234567</code>.",
	notLinked:      "This place belongs to no customer.",
	named:          "%v is now called %v.",
	nameless:       "%v has no name any more.",
	nameUsage:      "Use <code>/name TEXT</code> in a customer's topic, or as a reply to one of their SMS; <code>/name -</code> takes the name away.",
	taken:          "%v answers %v from now on; whoever else writes to them is asked first.",
	takeUsage:      "Write this in a customer's topic, or as a reply to one of their SMS.",
	takenByNobody:  "Nobody has taken %v.",
	takenByOther:   "That is for %v, or an administrator, to say.",
	released:       "Anybody may answer %v now.",
	marks:          "The marks I put on your replies: 👀 taken, 👌 accepted by the panel, 👍 delivered, 👎 failed. Where there is more to say I write it. <code>/status</code> in reply to one of yours tells all.",

	cardHead:   "👤 %v",
	cardLine:   " → %v",
	cardCounts: "Received: %v · sent: %v",
	cardSince:  " · since %v",
	cardOwner:  "Answered by: %v",
	cardNobody: "Nobody has answered yet.",
	cardRule:   "Replies to my messages, but to questions, and <code>/send TEXT</code> go out as SMS. Everything else stays among you.",

	unsure:           "it cannot be known whether it was sent: where its id belongs, the panel says %v. Look into the panel's own list before you send it again.",
	panelRejected:    "The panel refuses: %v",
	panelAuth:        "The panel refuses our user name or password, or has blocked our address. Check SMS_API_USER and SMS_API_PASSWORD.",
	panelUnavailable: "The panel cannot be reached now. Nothing was done; try again in a while.",
	panelUncertain:   "The panel's answer did not come or could not be read. Try again in a while.",

	noSender:   "no sender",
	times:      "×%v",
	asItCame:   "⚠️ not readable, as it came",
	smsHead:    headMark + " %v → %v · %v · %v",
	smsPart:    " · part %v of %v",
	digestHead: "%v SMS. To answer one, quote it, or begin your reply with its id, such as %v.",
	whichOne:   "That message shows SMS of several customers: <b>nothing was sent</b>. Quote the one you answer, or begin your reply with its id, such as <code>%v</code>.",
	repeated:   "♻️ perhaps repeated",
	arrivedAt:  " (here at %v)",

	to:             "To %v: ",
	toCount:        "To %v recipients: ",
	queued:         "⏳ not sent yet: it waits for the panel.",
	waitsDown:      "⏳ not sent yet: the panel is down. It goes out by itself when the panel is back; if that takes more than an hour, I ask first.",
	waitsLogin:     "⏳ not sent yet: the panel refuses our login, and the administrators were told. It goes out by itself once that is mended; if that takes more than an hour, I ask first.",
	sending:        "⏳ sending…",
	sent:           "✔️ sent, no word yet from the handset.",
	sentNoReport:   "✔️ sent; the panel gives no report of its delivery.",
	sentLongAgo:    "✔️ sent; no report of its delivery in %v hours.",
	telecomLongAgo: "✔️ reached the telecom; no report from the handset in %v hours.",
	atTelecom:      "✔️ reached the telecom, not yet the handset.",
	delivered:      "✅ delivered.",
	failed:         "❌ %v",
	dropped:        "❔ not known whether it was sent.",
	askAgain:       "❓ <b>It cannot be known whether it was sent</b>: the panel gave no clear answer. Sending again may reach the customer twice.",
	askAgainPart:   "❓ <b>Of %v of these it cannot be known whether they were sent</b>: the panel gave no clear answer. Sending again may reach them twice.",
	cancelled:      "🚫 cancelled by %v, nothing was sent.",
	cancelledRest:  "🚫 what waited was cancelled by %v.",
	expiredRest:    "⌛ nobody answered in time: what waited was not sent.",
	expired:        "⌛ nobody answered in time, nothing was sent. Order it anew if it shall go out.",
	counts:         "%v %v",
	countQueued:    "waiting",
	countSending:   "being sent",
	countSent:      "sent",
	countAtTelecom: "at the telecom",
	countDelivered: "delivered",
	countFailed:    "failed",
	countUncertain: "uncertain",
	countLeft:      "left uncertain",
	countDropped:   "not sent",
	noReport:       "no report of %v, and none is asked for any more",
	failedOne:      "❌ %v: %v",
	more:           "… and %v more",
	decidedAgain:   "🔁 to be sent again, says %v",
	decidedWas:     "it was sent, says %v",
	decidedLeave:   "left so by %v",

	askTo:          "To %v",
	ask:            "<b>Send this?</b> Recipients: %v, parts each: %v, parts in all: %v.",
	askLate:        "⏳ <b>Send it now?</b> It was not sent: it has waited for more than an hour.",
	askLatePart:    "⏳ <b>Send now?</b> Not sent, as they have waited for more than an hour: %v.",
	askLatin:       "Latin text, %v characters in one part, %v in each of several.",
	askUnicode:     "Unicode because of “%v” (%v): %v characters in one part, %v in each of several.",
	askForeign:     "⚠️ Abroad, often at many times the price: %v",
	askLinks:       "The addresses of its links stand in the text, as an SMS cannot hide them behind words.",
	askNumber:      "⚠️ The text begins with %v. If that is a telephone number it is for, cancel, and write it without anything around it. Otherwise it goes out as part of the text.",
	askCredit:      "Credit: %v",
	answering:      "<b>%v is answering this customer.</b> Send your answer, too?",
	answeringSome:  "<b>Some of these customers are being answered by %v.</b>",
	same:           "<b>You ordered exactly this a moment ago.</b> Send it once more?",
	sendAnyway:     "Send anyway",
	leaveIt:        "Leave it",
	askTooLittle:   "⚠️ That is less than the parts in all: the credit may not be enough.",
	send:           "Send",
	cancel:         "Cancel",
	again:          "Send again",
	was:            "It was sent",
	leave:          "Leave",
	pressOld:       "This button is out of date; look at the message again.",
	pressAlready:   "%v has decided already.",
	pressExpired:   "That is too late: nothing was sent. Order it anew if it shall go out.",
	pressUnderWay:  "It is under way to the panel and cannot be called off. Look at the message again.",
	pressDone:      "Done.",
	pressNotYours:  "Only who asked can answer this.",
	pressNotAgent:  "You are not on the list of this bot's users.",
	pressNotAdmins: "Only administrators can do that.",

	telecomTrouble: "trouble in the telecom's network; it may still arrive.",
	notDelivered:   "did not reach the handset: it may be off or out of coverage; it may still arrive.",
	blackList:      "the number is on the operator's black list: it accepts no SMS of this kind.",

	fetchLost:        "⚠️ Between %v and %v up to %v SMS may be lost: the panel was asked for new SMS and its answer never came (failed fetches: %v). Often it is a false alarm. The panel's own site shows what it received then.",
	fetchCut:         "⚠️ At %v an answer of the panel broke off. %v SMS of it are saved and shown; others of it may be lost. The panel's own site shows what it received then.",
	fetchCutAgain:    "⚠️ Between %v and %v answers of the panel broke off, again and again (failed fetches: %v). %v SMS of them are saved and shown; others of them may be lost. The panel's own site shows what it received then.",
	undecodable:      "⚠️ At %v the panel gave an answer that cannot be read. Its bytes are kept in the store; SMS may be in it. The panel's own site shows what it received then.",
	undecodableAgain: "⚠️ Between %v and %v the panel gave %v answers that cannot be read. The bytes are kept in the store, equal ones once; SMS may be in them or lost with them. The panel's own site shows what it received then.",
	notKept:          "Of these answers, not kept whole for want of room: %v.",
	noChat:           "⚠️ SMS arrive, and no chat shows them. They wait. Add me to a group and press [Show SMS here], or send /inbox on where they shall appear.",
	chatLost:         "⚠️ I can no longer write to the chat %v: %v. What it was to show waits until I can.",
	unshown:          "⚠️ Telegram refuses to show a message of mine here: %v",
	unshownSMS:       "⚠️ Telegram refuses to show this SMS here: %v",
	showAgain:        "Show again",
	shownAgain:       "It was shown again already, or is no longer kept.",
	postRefused:      "⚠️ Telegram refuses one message for the chat %v: %v. It is kept in the store.",
	linkLost:         "⚠️ The topic that showed SMS of %v alone, in the chat %v, is gone. They are shown where those of others are now; <code>/link NUMBER</code> gives them a place of their own again.",
	noTopics:         "⚠️ I may make no topics in the chat %v: %v. SMS are shown outside of topics until then. Make me an administrator there with the right Manage Topics.",
	panelRefuses:     "⚠️ The panel refuses our user name or password, or has blocked our address: %v. No SMS are fetched or sent until that is mended. Check SMS_API_USER and SMS_API_PASSWORD.",
	panelAccepts:     "✅ The panel takes our user name and password again. It refused them from %v to %v. What waits goes out now; what has waited for more than an hour is asked about first.",
	panelRepeats:     "⚠️ The panel gave the same SMS %v times in a row, each time with another time. From now on such SMS are counted (×) instead of shown again, and SMS are fetched less often, until it gives others or none. Perhaps somebody does write the same again and again; else ask those who run the panel.",
	panelDown:        "⚠️ Since %v the panel answers nothing that makes sense, or nothing at all. Nothing is sent meanwhile: what agents write waits (⏳) and goes out by itself when the panel is back; what has waited for more than an hour by then is asked about first.",
	panelBack:        "✅ The panel answers again. It was down from %v to %v. What waits goes out now; what has waited for more than an hour is asked about first.",
	lowCredit:        "⚠️ The credit at the panel is down to %v, below %v (LOW_CREDIT). Without credit nothing is sent.",
	clockWrong:       "⚠️ The clock of the machine Peyk runs on is %v minutes off (compared with Telegram's). Peyk goes by Telegram's and forgets nothing old until both agree: set the machine's by NTP, with <code>timedatectl set-ntp true</code>.",
	lowCreditDays:    "In the last days about %v a day went. Days left at that rate: about %v.",

	restored: "⚠️ The store was put back to a backup of %v or a little later. Of what came and was sent from then until %v I know nothing: the panel's own site shows it. What I was to send then is asked about, not sent.",

	checkWhole:         "store: %v is whole.",
	checkCopyWhole:     "store: %v is whole; a copy was read, as a bridge has it open.",
	checkNoStore:       "store: %v is not there yet: the bridge makes it when it starts. If it should be there, see whether <code>DB_PATH</code> is right.",
	checkNoFile:        "store: %v is no file: give <code>DB_PATH</code> the name of one.",
	checkStoreOpen:     "store: %v can be read by others, and the bridge does not start with it: run %v.",
	checkStoreShut:     "store: %v cannot be opened: let the user that peyk runs as read and write it.",
	checkStoreBusy:     "store: %v was not checked: a process has it open and hands out no copy. Check again when none runs.",
	checkStoreNewer:    "store: %v was written by a newer peyk: run that version.",
	checkDamaged:       "store: %v is not whole: stop the bridge and put a backup in its place with %v.",
	checkNoCopy:        "store: %v was not checked: a bridge has it open, and there is no room for the copy to check.",
	checkDir:           "store: no file can be made in %v: let the user that peyk runs as write there, or give <code>DB_PATH</code> another place.",
	checkRoom:          "disk: in %v only %v MB are left: make room. On a full disk nothing is fetched and nothing sent.",
	checkNobody:        "people: nobody may use the bot yet: start it, and write it the one-time code of its log.",
	checkNoInbox:       "chats: none shows SMS yet: add the bot to a group and press [Show SMS here].",
	checkTelegramName:  "Telegram",
	checkTelegramClear: "Telegram: <code>TELEGRAM_API_URL</code> is http: the bot's token crosses the network in clear. Use https if the server has it.",
	checkToken:         "token: Telegram does not know it: put the one @BotFather gives into <code>TELEGRAM_BOT_TOKEN</code>, and see whether <code>TELEGRAM_API_URL</code> is right.",
	checkBot:           "token: it is that of %v, %v",
	checkPrivacy:       "group privacy: on, as it should be: the bot hears commands and replies to itself.",
	checkHearsAll:      "group privacy: off. That works; the bot passes over what agents say to one another, but need not hear it: @BotFather, /setprivacy.",
	checkWebhook:       "updates: a webhook is set, so Telegram gives them to another program: stop that one, then run %v.",
	checkContested:     "updates: at %v another program fetched them with our token: stop that one, or have @BotFather give a new token (/revoke).",
	checkChat:          "chat: the bot may write in %v.",
	checkNoChat:        "chat: Telegram knows no chat %v that the bot was ever in: add the bot to it, or correct the id in <code>INBOX_CHATS</code>.",
	checkThrownOut:     "chat: the bot was taken out of %v, or blocked there: let it in again, or take the chat out of <code>INBOX_CHATS</code>.",
	checkMuted:         "chat: the bot may not write in %v: let its members write, or make the bot an administrator there.",
	checkMoved:         "chat: %v has become the supergroup %v: the bot follows by itself. Put the new id into <code>INBOX_CHATS</code>.",
	checkNoTopics:      "chat: each customer is to have a topic in %v, and the bot can make none: switch the group's topics on, and make the bot an administrator with the right Manage Topics. Or write <code>/topics off</code> there.",
	checkTopics:        "chat: the bot may write in %v, but not manage topics, and so not write into closed ones: make it an administrator with the right Manage Topics.",
	checkAdmin:         "people: the administrator %v cannot be told of anything: they never wrote to the bot, or block it. They should send it /start.",
	checkPanelName:     "panel",
	checkPanelClear:    "panel: <code>SMS_API_URL</code> is http: user name and password cross the network in clear. Use https if the panel has it.",
	checkLogin:         "panel: it takes our user name and password; credit %v.",
	checkPassword:      "panel: it refuses user name or password: check <code>SMS_API_USER</code> and <code>SMS_API_PASSWORD</code>. Some panels have other ones for the web service, or let in certain addresses alone.",
	checkWebLogin:      "panel: its web server asks for a login of its own: write it into <code>SMS_API_URL</code>, as in <code>https://USER:PASSWORD@HOST/…</code>",
	checkPanelRefuses:  "panel: it does not tell the credit: “%v”. Ask your SMS provider.",
	checkNoSOAP:        "panel: no SMS service is at <code>SMS_API_URL</code>, but a web page or nothing: put in the address of the SOAP service, often <code>http://HOST/class/sms/webservice3/server.php?wsdl</code>",
	checkWSDL:          "panel: another service is at <code>SMS_API_URL</code>, without %v: put in the address of the panel's SMS service.",
	checkLines:         "lines: the panel lets us send from %v.",
	checkForeign:       "lines: %v is not ours, says the panel: correct <code>SMS_LINES</code>.",
	checkUntold:        "lines: whether %v are ours cannot be told without sending.",
	checkClock:         "clock: right.",
	checkClockOff:      "clock: this machine's is %v minutes off (compared with: %v); nothing old is forgotten until it is right: set it by NTP, with <code>timedatectl set-ntp true</code>",
	checkPanelClock:    "clock: this machine's is right, the panel's differs by %v minutes: the times of its SMS may be wrong by as much.",

	netProxy:         "%v: the proxy of %v lets nothing through: see whether it runs, and whether address, user name and password are right.",
	netName:          "%v: the server that %v names was not found: see whether it is spelt right, and whether this machine finds others (DNS).",
	netRefused:       "%v: nobody answers at the port that %v names: see whether address and port are right, and whether it takes a proxy to get there (%v).",
	netSilent:        "%v: no answer came in time: see whether %v is right, whether a firewall is in between, and whether it takes a proxy to get there (%v).",
	netWantsHTTP:     "%v: the server does not speak https there: write http:// in %v, or the port of https.",
	netWantsHTTPS:    "%v: the server speaks https there: write https:// in %v.",
	netCertificate:   "%v: the server's certificate is not good: see whether %v is right, and this machine's clock.",
	netExpired:       "%v: the server's certificate has run out, or is not valid yet: see whether this machine's clock is right; if it is, whoever runs the server of %v has to renew it.",
	netOtherName:     "%v: the server's certificate is for another name: put the name that it is for into %v, not an IP address or another name of the server.",
	netUnknownIssuer: "%v: the server's certificate is not good: nobody whom this machine trusts vouches for it. If %v does name the right server, put its issuer's certificates into a file, in PEM, and set <code>SSL_CERT_FILE</code> to that file's path in the environment Peyk starts in (.env does not count).",
	netOldTLS:        "%v: the server speaks no TLS that is safe today, only an older one: have it updated, or put a TLS proxy such as stunnel before it and that one's address into %v, or, if the server has http and the way to it is safe, <code>http://</code>.",
	netRedirect:      "%v: the server sends us elsewhere, most often from http to https: put the address it leads to into %v.",
	netStatus:        "%v: a server on the way answers with HTTP status %v: see whether %v is right; if so, try again later.",
	netBroken:        "%v: what came could not be read, or broke off: see whether %v is right, and what else listens there.",

	commands: map[string]string{
		"start":    "what this bot is",
		"help":     "what you can do",
		"id":       "your Telegram id and this chat's",
		"credit":   "credit left at the SMS panel",
		"send":     "send an SMS: NUMBER[,NUMBER…] TEXT",
		"status":   "delivery of the last SMS, or of panel ids",
		"line":     "the line this chat sends from",
		"inbox":    "show inbound SMS here: on, off, or on LINE…",
		"topics":   "a topic for each customer: on or off",
		"link":     "show SMS of one customer here: NUMBER",
		"unlink":   "end that",
		"name":     "name a customer: TEXT",
		"take":     "you answer this customer",
		"release":  "let anybody answer this customer",
		"allow":    "let somebody use the bot: ID, or as a reply",
		"deny":     "take somebody off the list: ID, or as a reply",
		"users":    "who may use the bot",
		"check":    "check settings, store, panel, Telegram and chats",
		"language": "the language of this chat: en or fa",
	},
	examples: map[string]string{
		"start":    "<code>/start</code>",
		"help":     "<code>/help</code>",
		"id":       "<code>/id</code>",
		"credit":   "<code>/credit</code>",
		"send":     "<code>/send 09121234567 Hello</code>",
		"status":   "<code>/status 5000000001</code>",
		"line":     "<code>/line 30001234</code>",
		"inbox":    "<code>/inbox on 30001234</code>",
		"topics":   "<code>/topics on</code>",
		"link":     "<code>/link 09121234567</code>",
		"unlink":   "<code>/unlink</code>",
		"name":     "<code>/name Mrs. Rezaei</code>",
		"take":     "<code>/take</code>",
		"release":  "<code>/release</code>",
		"allow":    "<code>/allow 123456789</code>",
		"deny":     "<code>/deny 123456789</code>",
		"users":    "<code>/users</code>",
		"check":    "<code>/check</code>",
		"language": "<code>/language fa</code>",
	},
}

// languages by the names settings and commands use.
var languages = map[string]*text{"en": &english, "fa": &persian}

// text returns the sentences in the language of a chat.
func (b *Bot) text(chat sms.ChatID) *text {
	if c, err := b.store.Chat(chat); err == nil && languages[c.Language] != nil {
		return languages[c.Language]
	}
	return languages[b.opts.Language]
}

// say puts args into a sentence, numbers in the digits of the language.
func (t *text) say(sentence string, args ...any) string {
	for i, a := range args {
		if n, ok := a.(int); ok {
			args[i] = t.digits(strconv.Itoa(n))
		}
	}
	return fmt.Sprintf(sentence, args...)
}

// sender says who sent an SMS, as far as the panel told.
func (t *text) sender(n sms.Number) string {
	if n == "" {
		return t.noSender
	}
	return code(short(string(n), nameRunes))
}

// digits writes the digits of s as the language does.
func (t *text) digits(s string) string {
	if !t.persian {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '۰' + r - '0'
		}
		return r
	}, s)
}

// set prepares html for being shown. Within Persian, whatever is to be copied by a tap runs from left to right and leaves the words
// around it where they are; the marks for that stand outside of what is copied.
func (t *text) set(html string) string {
	if !t.persian {
		return html
	}
	return strings.NewReplacer("<code>", "\u2066<code>", "</code>", "</code>\u2069").Replace(html)
}

func esc(s string) string { return html.EscapeString(s) }

// code sets a number, an id or foreign words apart: a tap copies them, and text of the other direction around them does not
// scramble them.
func code(s string) string { return "<code>" + html.EscapeString(s) + "</code>" }

// isolated is a foreign name in a sentence of ours: what is written in the other direction leaves the words around it where they are.
func isolated(name string) string { return "\u2068" + esc(short(name, nameRunes)) + "\u2069" }

// reason is what the panel or Telegram says, isolated as a name is.
func reason(s string) string { return "\u2068" + esc(short(s, reasonRunes)) + "\u2069" }

func number(n sms.Number) string { return code(string(n)) }

func (t *text) numbers(list []sms.Number) string {
	said := make([]string, len(list))
	for i, n := range list {
		said[i] = number(n)
	}
	return t.list(said)
}

// list puts commas of the language between what is said.
func (t *text) list(said []string) string {
	if t.persian {
		return strings.Join(said, "، ")
	}
	return strings.Join(said, ", ")
}

// clock writes a time as agents read it: without the date when it is of the same day as now.
func (b *Bot) clock(t *text, at, now time.Time) string {
	at, now = at.In(b.opts.Location), now.In(b.opts.Location)
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return t.digits(at.Format("15:04"))
	}
	return b.date(t, at, "15:04")
}

// date writes a time with its date, in the calendar of the language.
func (b *Bot) date(t *text, at time.Time, clock string) string {
	at = at.In(b.opts.Location)
	if !t.persian {
		return at.Format("2006-01-02 " + clock)
	}
	day := ptime.New(at)
	return t.digits(fmt.Sprintf("%d/%02d/%02d %s", day.Year(), day.Month(), day.Day(), at.Format(clock)))
}

// headMark begins the head of every shown SMS, and no other message of ours.
const headMark = "📩"

// shortID names an SMS in the text that shows it, so that a reply to a copy whose chat message we never learned finds it.
func shortID(seq store.Seq) string { return "#s" + strconv.FormatUint(uint64(seq), 36) }

// headsOf returns the heads in a message of ours. A head is the line before a customer's words, which stand in blocks of their own, so
// that none of them is taken for one; without blocks only the first line may be a head.
func headsOf(m *telegram.Message) []string {
	if len(m.Blocks) == 0 {
		head, _, _ := strings.Cut(m.Text, "\n")
		return []string{bare(head)}
	}
	var heads []string
	for _, b := range m.Blocks {
		before, _ := telegram.CutUTF16(m.Text, b.From)
		before = strings.TrimRight(before, "\n")
		heads = append(heads, bare(before[strings.LastIndexByte(before, '\n')+1:]))
	}
	return heads
}

// namesCustomer tells whether a head is that of an SMS of m's customer.
func namesCustomer(head string, m store.SMS) bool {
	names := func(who string) bool { return strings.HasPrefix(head, headMark+" "+bare(who)+" ") }
	if m.Customer == "" {
		return names(english.noSender) || names(persian.noSender)
	}
	// A message of before may spell the number otherwise.
	who, _, _ := strings.Cut(strings.TrimPrefix(head, headMark+" "), " ")
	return names(short(string(m.Customer), nameRunes)) || strings.HasPrefix(head, headMark+" ") && sms.Normalize(who) == m.Customer
}

// bare takes out the marks that set words apart in Persian, and those a sender's name may have.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, s)
}

// readShortID finds the short id in the head of a shown SMS.
func readShortID(head string) (store.Seq, bool) {
	if !strings.HasPrefix(head, headMark) {
		return 0, false // some other message of ours, with foreign words in it
	}
	for _, word := range slices.Backward(strings.Fields(head)) { // a sender's name stands before it and may look alike
		if id, ok := strings.CutPrefix(word, "#s"); ok {
			seq, err := strconv.ParseUint(id, 36, 64)
			return store.Seq(seq), err == nil
		}
	}
	return 0, false
}

// runeName says which character it is, also when it cannot be seen.
func runeName(r rune) string { return fmt.Sprintf("U+%04X", r) }
