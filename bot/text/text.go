// Package text is what the bot says and how it reads what it said: every sentence in each language, dates and numbers as people there write
// them, and the head of a shown SMS with its parsing. It decides nothing and asks nobody: it is given SMS and times and returns HTML as
// Telegram takes it. What the program says on a terminal is here, too, as plain text. A language is two files, with a Language and a Terminal
// in them, and a row in Languages.
package text

import "peyk/sms"

// Language is every sentence the bot says in one language, as HTML; English and Persian are the two there are. The %v of a sentence stand
// for the arguments named behind it; those that are foreign text are escaped by the caller with Code or Escape.
type Language struct {
	Terminal
	persian bool // digits, dates and the direction of writing

	// Answers to commands.
	Hello          string
	HelloStranger  string // user id
	WelcomeOwner   string
	HelpHead       string
	HelpReply      string
	HelpCommand    string // command, what it does
	HelpExample    string // command with what follows it
	ID             string // user id, chat id
	Credit         string // credit
	UnknownCommand string // command
	OnlyAdmins     string
	OnlyText       string
	NotYourWords   string
	NotAnSMS       string
	ToNobody       string
	Elsewhere      string
	ToMany         string // number of recipients
	Undecided      string
	CannotAnswer   string // customer
	AnswerNobody   string
	AnswerGone     string
	Faceless       string
	Edited         string
	EditedAsked    string
	EditedUnsent   string
	NothingToSend  string
	Garbled        string
	NoRecipient    string
	AnotherPlace   string // customer
	WrongNumbers   string // numbers, one a line
	AboveCap       string // parts, what is left of the cap, the cap; 200 characters at most, for a button's answer
	NotAllowed     string // numbers, one a line; prefixes
	EditUnread     string
	LineIs         string // line, lines
	LineSet        string // line
	NotOurLine     string // given, lines
	InboxOn        string
	InboxOnLines   string // lines
	InboxOff       string
	InboxIs        string // state
	InboxAll       string
	InboxNone      string
	InboxUsage     string
	InboxLinked    string // customer
	NoStatus       string
	NotSent        string
	StatusLine     string                // panel's id, status
	StatusUnknown  string                // the panel's code
	Statuses       map[sms.Status]string // sms.Queued is an answer that says nothing
	Failures       map[sms.Reason]string // in the place of a status that is sms.Failed
	LanguageSet    string
	LanguageUsage  string
	Allowed        string // who
	AllowedAlready string // who
	AllowUsage     string
	Denied         string // who
	DenyUsage      string
	DenyYourself   string
	DenySettings   string // who
	DenyUnknown    string // who
	UserLine       string // who, what
	UserAdmin      string
	UserAgent      string
	WelcomeGroup   string
	WelcomeShown   string
	WelcomeLinked  string // customer
	ShowHere       string
	Leaving        string
	LeftGroup      string // who, title
	TopicsOn       string
	TopicsOff      string
	TopicsNoForum  string
	TopicsUsage    string
	Linked         string // customer
	Unlinked       string // customer
	LinkUsage      string
	NotLinked      string
	Named          string // customer, name
	Nameless       string // customer
	NameUsage      string
	Taken          string // who, customer
	TakeUsage      string
	TakenByNobody  string // customer
	TakenByOther   string // who
	Released       string // customer
	WaitingHead    string // how many
	WaitingMany    string // more than that
	WaitingNone    string
	WaitingSMS     string // how many
	WaitingClaimed string // who
	SnoozedCount   string // how many
	PinRest        string // how many
	PinDenied      string
	PinLost        string
	PinEnded       string
	PinNone        string
	PageBefore     string
	PageAfter      string

	Answer       string // under an SMS
	CopyNumber   string
	Prompt       string // agent
	PromptField  string // customer; at most 64 characters
	PromptStands string

	Done            string // customer
	DoneUsage       string
	WaitsNot        string // customer
	Snoozed         string // customer, time
	SnoozeUsage     string
	SnoozeTooLong   string
	Awake           string
	Remind          string // how long
	Escalate        string // how long
	EscalateClaim   string // who
	ClosedHead      string
	ClosedNone      string
	ClosedOn        string // days
	OpenOn          string // days
	ClosedUsage     string
	ClosedTooMany   string // how many at most
	fromTo          string // first, last
	days            string // how many, hours
	OptedOut        string // customer, line
	OptOutMeans     string
	OptedIn         string // customer, line
	OptOutUndone    string // who, customer, line
	OptInUndone     string // who, customer, line
	AllLines        string // in a line's place
	OptOutNone      string
	OptOutHead      string // how many
	OptOutForgotten string // how many
	OptOutFile      string
	OptOutSheet     string // plain text
	OptOutAsk       string // how many, how many did already
	OptOutNothing   string // how many did already
	OptOutImport    string
	OptOutCancelled string // by
	OptOutDone      string // how many
	OptOutTaken     string // how many
	OptOutLeft      string // how many
	Blocked         string // customer
	Unblocked       string // customer
	BlockUsage      string
	UnblockUsage    string
	BlockedHead     string // how many
	BlockedNone     string
	BlockedLine     string // customer, who, time, how many SMS
	Marks           string
	CannedNone      string
	CannedHead      string
	CannedLine      string // name, how it begins
	CannedIs        string // name, text
	CannedKept      string // name, how it is sent
	CannedChanged   string // name, how it is sent
	CannedParts     string // parts
	CannedRemoved   string // name
	CannedUnknown   string // name, nearest names
	CannedField     string // what is wrong, the fields there are
	CannedLong      string // characters
	CannedFull      string // how many
	CannedNameless  string // field, customer
	CannedUsage     string
	ForgetUsage     string
	ForgetAsk       string // customer
	Forget          string
	ForgetOpen      string // 200 characters at most, for a button's answer
	ForgetBegun     string
	Forgotten       string // how many SMS, who
	StatsUsage      string // how many days at most
	StatsNone       string // days
	StatsHead       string // days, the first
	StatsIn         string // how many
	StatsOut        string // how many
	StatsDelivered  string // share
	StatsFirst      string // how long, of how many
	StatsBusiest    string // hours
	StatsLines      string
	StatsAgents     string
	StatsLine       string // line, in, out, share, how long
	StatsAgent      string // who, out, share, how long
	tookSeconds     string // how many
	tookMinutes     string // how many
	tookHours       string // how many, minutes

	// A page of a customer's SMS.
	HistoryUsage string
	HistoryNone  string // customer
	HistoryEnd   string // 200 characters at most, for a button's answer
	Older, Newer string
	historyHead  string // customer
	historyIn    string // time, line, short id
	historyOut   string // time, line, who, how it fared, short id

	// What was found.
	FindUsage  string
	FindNone   string // what was sought
	FindNoMore string // what was sought
	FindAnswer string // the short id of one
	FindMore   string
	findHead   string // what was sought
	sentHead   string // customer, line, time, who, how it fared, short id

	// An export, and what is told of it.
	ExportUsage     string
	ExportBegun     string
	ExportElsewhere string
	ExportNone      string
	ExportCaption   string // how many, the first day, the last
	ExportStart     string // link
	ExportUnsure    string
	ExportFailed    string // reason
	Exported        string // how many SMS, who

	// An exported file: its sheet, its columns and what stands in them. Plain text.
	ExportSheet     string
	ColumnTime      string // zone
	ColumnDate      string
	ColumnDirection string
	ColumnLine      string
	ColumnCustomer  string
	ColumnName      string
	ColumnText      string
	ColumnAgent     string
	ColumnStatus    string
	ColumnParts     string
	In, Out         string

	// Names for many customers, from a file.
	ContactsUsage     string
	ContactsHow       string
	FileTooLarge      string // MB, rows
	FileUnreadable    string
	FileGone          string
	ContactsAsk       string // new, renamed, unchanged
	ContactsNothing   string // unchanged
	ContactsWrong     string // how many, rows
	ContactsNameless  string // how many, rows
	ContactsDoubled   string // how many, rows
	Import            string
	Undo              string
	ContactsCancelled string // by
	ContactsDone      string // new, renamed
	ContactsUndone    string // new, renamed
	ContactsLeft      string // how many

	// Orders from a file.
	BulkUsage    string
	BulkWrong    string
	BulkNoNumber string // how many, rows
	BulkNoText   string // how many, rows
	BulkNoField  string // how many, rows
	BulkTooLong  string // how many, rows
	BulkNoColumn string // what the template names
	BulkTooMany  string // rows
	BulkEmpty    string
	AskEach      string // recipients, parts each, parts in all
	BulkRow      string // row, customer
	BulkUnicode  string // how many texts, the row of the first, character, its name, characters in one part, in each of several
	BulkTakes    string // how long
	BulkCount    string // recipients
	Stop         string
	BulkResult   string // counts
	BulkSheet    string
	ColumnRow    string
	SampleNumber string
	SampleText   string
	SampleName   string
	SampleCode   string
	SampleWords  string // name, code
	SampleOne    string
	SampleOther  string

	// The card of a customer.
	CardHead   string // who
	CardLine   string // line
	CardCounts string // how many came, how many were sent
	CardSince  string // time
	CardOwner  string // who
	CardNobody string
	CardRule   string
	Icons      string // the emoji of those who wait, whom no answer reached, who were answered, who need none

	// What the panel says.
	Unsure           string // words
	PanelRejected    string // words
	PanelAuth        string
	PanelUnavailable string
	PanelUncertain   string

	// An inbound SMS.
	smsHead    string // customer, line, time, short id
	noSender   string // in the customer's place
	smsPart    string // part, parts
	digestHead string // how many, the short id of one
	WhichOne   string // the short id of one
	repeated   string
	verbatim   string
	getsAway   string
	times      string // how often it came in a row
	arrivedAt  string // time

	// How far a batch has come: one recipient, then many.
	To             string // customer
	ToCount        string // recipients
	Queued         string
	WaitsDown      string
	WaitsLogin     string
	WaitsTwin      string
	Sending        string
	Sent           string
	SentNoReport   string
	SentLongAgo    string // hours
	TelecomLongAgo string // hours
	AtTelecom      string
	Delivered      string
	Failed         string // reason
	Dropped        string
	AskAgain       string
	AskAgainPart   string // how many of, how many
	Cancelled      string // by
	CancelledRest  string // by
	Expired        string
	ExpiredRest    string
	AwayTo         string // customer
	AwayLate       string
	AwayBy         string // as who ordered it
	Counts         string // how many, what
	CountQueued    string
	CountSending   string
	CountSent      string
	CountAtTelecom string
	CountDelivered string
	CountFailed    string
	CountUncertain string
	CountLeft      string
	CountDropped   string
	CountWithheld  string
	LeftOut        string // line, customers
	LeftOutBlocked string // customers
	NoReport       string // how many
	FailedOne      string // customer, reason
	More           string // how many
	LostFound      string // how many
	LostResent     string // how many
	LostMatched    string // how many
	LostUnmatched  string // how many
	DecidedAgain   string // by
	DecidedWas     string // by
	DecidedLeave   string // by

	// Orders for later.
	LaterUsage     string
	LaterUnclear   string
	LaterUnread    string // word
	LaterRead      string // time
	LaterPast      string // time
	LaterTooFar    string
	LaterFull      string // how many at most
	LaterAt        string // time, how long until then
	LaterSet       string // time, by, recipients
	LaterCancelled string // by, time, recipients
	LaterNot       string // time, recipients, by; why follows
	LaterDenied    string
	LaterEdited    string
	LaterWas       string // time
	LaterMissed    string // time
	LaterDoubtful  string // time
	ScheduledNone  string
	ScheduledHead  string // how many
	ScheduledLine  string // which, time, recipients, by
	Schedule       string
	CancelOne      string // which

	// The question before sending.
	AskTo          string // customer
	Ask            string // recipients, parts each, parts in all
	AskLate        string
	AskLatePart    string // how many
	AskLatin       string // characters in one part, in each of several
	AskUnicode     string // character, its name, as askLatin
	AskForeign     string // numbers
	AskLinks       string
	AskNumber      string // what the text begins with
	AskPrice       string // rial
	AskCredit      string // credit
	Answering      string // who
	AnsweringSome  string // who
	Same           string
	AskFooter      string // what was added
	AskQuiet       string // time
	AskLint        string // word, why
	AskShortened   string
	SendNow        string
	SendAt         string // time
	Postponed      string // time, by
	Shorten        string
	AsWritten      string
	AskOptedOut    string // line
	AskBlocked     string
	SendAnyway     string
	LeaveIt        string
	AskTooLittle   string
	Send, Cancel   string
	Again, Was     string
	Leave          string
	PressOld       string
	PressAlready   string // who
	PressExpired   string
	PressUnderWay  string
	PressTooSoon   string
	PressDone      string
	PressNotYours  string
	PressNotAgent  string
	PressNotAdmins string

	// Why an SMS did not arrive.
	TelecomTrouble string
	NotDelivered   string
	BlackList      string

	// Incidents.
	FetchLost        string // from, to, how many, of how many fetches
	FetchCut         string // time, how many
	FetchCutAgain    string // from, to, of how many fetches, how many were saved
	Undecodable      string // time
	UndecodableAgain string // from, to, how many
	NoAnswer         string // time
	NoAnswerAgain    string // from, to, how many
	NotKept          string // how many
	NoChat           string
	ChatLost         string // chat, reason
	PostRefused      string // chat, reason
	Unshown          string // reason
	UnshownSMS       string // reason
	ShowAgain        string
	ShownAgain       string
	LinkLost         string // customer, chat
	NoTopics         string // chat, reason
	PanelRefuses     string // reason
	PanelAccepts     string // from, to
	PanelRepeats     string // how often
	PanelDown        string // since
	PanelBack        string // from, to
	AwayHour         string // how many in an hour
	AwayCredit       string
	AwayDay          string
	LowCredit        string // credit, limit
	LowCreditDays    string // how much a day, days
	ClockWrong       string // minutes
	Restored         string // the backup's time, now

	// What a check finds. Each begins with what it is about.
	CheckWhole         string // path
	CheckCopyWhole     string // path
	CheckNoStore       string // path
	CheckNoFile        string // path
	CheckStoreOpen     string // path, mend
	CheckStoreShut     string // path
	CheckStoreBusy     string // path
	CheckFollows       string // path
	CheckStoreNewer    string // path
	CheckDamaged       string // path, mend
	CheckNoCopy        string // path
	CheckDir           string // directory
	CheckRoom          string // directory, MB
	CheckNobody        string
	CheckNoInbox       string
	CheckTelegramName  string
	CheckTelegramClear string
	CheckToken         string
	CheckBot           string // name, link
	CheckPrivacy       string
	CheckHearsAll      string
	CheckWebhook       string // mend
	CheckContested     string // time
	CheckChat          string // chat
	CheckNoChat        string // chat
	CheckThrownOut     string // chat
	CheckMuted         string // chat
	CheckMoved         string // chat, new id
	CheckNoTopics      string // chat
	CheckTopics        string // chat
	CheckReactions     string // chat
	CheckAdmin         string // user id
	CheckPanelName     string
	CheckPanelClear    string
	CheckLogin         string // credit
	CheckPassword      string
	CheckKeyLogin      string // credit
	CheckKey           string
	CheckNoPanel       string
	CheckNoOddities    string
	CheckSendsNothing  string
	CheckSendsAgain    string
	CheckWebLogin      string
	CheckPanelRefuses  string // words
	CheckNoService     string // what the address is often like
	CheckWSDL          string // methods
	CheckLines         string // lines
	CheckForeign       string // line
	CheckUntold        string // lines
	CheckClock         string
	CheckClockOff      string // minutes, compared with whose
	CheckPanelClock    string // minutes

	// Why a check does not get to the other side: whose it is, the setting of its address, that of its proxy.
	NetProxy         string // name, proxy
	NetName          string // name, address
	NetRefused       string // name, address, proxy
	NetSilent        string // name, seconds, address, proxy
	NetWantsHTTP     string // name, address
	NetWantsHTTPS    string // name, address
	NetCertificate   string // name, address
	NetExpired       string // name, address
	NetOtherName     string // name, address
	NetUnknownIssuer string // name, address
	NetOldTLS        string // name, address
	NetRedirect      string // name, where to, address
	NetStatus        string // name, HTTP status, address
	NetBroken        string // name, address

	// Menu and help: what each command does, and how it is written.
	Commands, Examples map[string]string
}

var English = Language{
	Terminal: englishTerminal,

	Hello:          "Peyk joins your SMS line to Telegram. Customers' SMS appear in your group; reply to one and your answer goes out as an SMS. Send /help to see what you can do.",
	HelloStranger:  "This is a private bot. Your Telegram id is %v: give it to an administrator, who can let you in.",
	WelcomeOwner:   "You are now the owner. Add me to the group where SMS should appear, or send /inbox on here.",
	HelpHead:       "<b>Peyk</b> joins SMS to Telegram.",
	HelpReply:      "Reply to a shown SMS and your text goes to that customer. Nothing else you write to each other is sent.",
	HelpCommand:    "/%v – %v",
	HelpExample:    "     %v",
	ID:             "You are %v, this chat is %v.",
	Credit:         "Credit at the panel: %v",
	UnknownCommand: "There is no command %v. Nothing was sent. /help lists the commands.",
	OnlyAdmins:     "Only administrators can do that.",
	OnlyText:       "An SMS can only hold text: nothing was sent. Please write the answer as a text reply.",
	NotYourWords:   "Those are somebody else's words, forwarded or written by another bot: <b>nothing was sent</b>. Please write it yourself.",
	NotAnSMS:       "That message is not an SMS I know: <b>nothing was sent</b>. Reply to a customer's SMS, or use <code>/send NUMBER TEXT</code>.",
	ToNobody:       "I don't know who that is for: <b>nothing was sent</b>. Reply to a customer's SMS, or use <code>/send NUMBER TEXT</code>.",
	ToMany:         "That is about %v recipients: <b>nothing was sent</b>. Use <code>/send NUMBER TEXT</code> to write to one of them.",
	Undecided:      "That message asks a question that only its buttons can answer: please press one; <b>nothing was sent</b>.",
	Elsewhere:      "That answers a message from another chat or topic: <b>nothing was sent</b>. Reply where the SMS is shown, or use <code>/send NUMBER TEXT</code>.",
	AnswerNobody:   "The panel did not say who sent this SMS, so it cannot be answered. Nothing was sent.",
	AnswerGone:     "This customer was forgotten (<code>/forget</code>): who they were is not known any more. Nothing was sent.",
	CannotAnswer:   "%v is a sender's name, or may not be a phone number: it cannot be answered. Nothing was sent.",
	Faceless:       "I cannot tell who you are: <b>nothing was done</b>. Turn off “Remain anonymous” for yourself in this group, or write as yourself instead of as a channel.",
	Edited:         "The SMS was ordered with the original text: the edit changes nothing. To correct it, send another one.",
	Garbled:        "Part of the text arrived broken, perhaps half an emoji: nothing was sent. Please write it again.",
	EditedAsked:    "The question is about the original text: the edit changes nothing. Cancel it with its button, then write it again.",
	EditedUnsent:   "Nothing was sent, and the edit changes nothing: please write it again.",
	NothingToSend:  "There is no text: nothing was sent. Use <code>/send NUMBER TEXT</code>.",
	NoRecipient:    "There is no number: nothing was sent. Use <code>/send NUMBER[,NUMBER…] TEXT</code>, for example <code>/send 09121234567 Hello</code>.",
	AnotherPlace:   "That message belongs to another customer, and this place belongs to %v: <b>nothing was sent</b>. Reply without <code>/send</code>, or use <code>/send NUMBER TEXT</code>.",
	WrongNumbers:   "These are not phone numbers; nothing was sent to anybody:\n%v",
	AboveCap:       "Nothing was sent: that is more than your daily limit. SMS parts it takes: %v, left today: %v of %v. Whoever runs the bot can change DAILY_PARTS.",
	NotAllowed:     "Sending to these numbers is not allowed; nothing was sent to anybody:\n%v\nAllowed are numbers that begin with %v. Whoever runs the bot can change ALLOWED_PREFIXES.",
	EditUnread:     "I do not read edits: nothing was done. Please write it again.",
	LineIs:         "This chat sends from %v. Our lines: %v",
	LineSet:        "This chat now sends from %v.",
	NotOurLine:     "%v is not a line of ours. Our lines: %v",
	InboxOn:        "Inbound SMS of all lines are now shown here.",
	InboxOnLines:   "Inbound SMS of %v are now shown here.",
	InboxOff:       "Inbound SMS are no longer shown here.",
	InboxIs:        "Inbound SMS here: %v",
	InboxAll:       "all lines.",
	InboxNone:      "none.",
	InboxLinked:    "SMS of %v still are: this place belongs to them.",
	InboxUsage:     "Use <code>/inbox on</code>, <code>/inbox on LINE…</code> or <code>/inbox off</code>.",
	NoStatus:       "As far as I remember, nothing has been sent from this chat yet.",
	NotSent:        "As far as I remember, that message is not about an SMS we sent.",
	StatusLine:     "%v: %v",
	StatusUnknown:  "status %v, which is not in the panel's guide",
	Statuses: map[sms.Status]string{
		sms.Queued: "the panel does not know it", sms.Sent: "being sent", sms.AtTelecom: "at the telecom", sms.Delivered: "delivered",
	},
	Failures: map[sms.Reason]string{
		sms.TelecomProblem: "trouble in the telecom's network", sms.NotDelivered: "not delivered", sms.Blacklisted: "on the blacklist", sms.OptedOut: "left out, opted out", sms.Blocked: "left out, blocked",
		sms.Twice: "left out, the number stands further up", sms.Outside: "left out, not among ALLOWED_PREFIXES", sms.AboveCap: "left out, above the daily limit (DAILY_PARTS)",
	},
	LanguageSet:    "I now speak English here.",
	LanguageUsage:  "Use <code>/language en</code> or <code>/language fa</code>.",
	Allowed:        "%v may now use the bot.",
	AllowedAlready: "%v may already use the bot.",
	AllowUsage:     "Use <code>/allow ID</code>, or reply <code>/allow</code> to one of their messages. They can see their id by sending me /id.",
	Denied:         "%v may no longer use the bot.",
	DenyUsage:      "Use <code>/deny ID</code>, or reply <code>/deny</code> to one of their messages. /users lists who may use the bot.",
	DenyYourself:   "You cannot take yourself off the list: another administrator has to.",
	DenySettings:   "%v is in the settings: take the id out of ALLOWED_USERS or ADMIN_USERS and restart me.",
	DenyUnknown:    "%v is not on the list.",
	UserLine:       "%v: %v",
	UserAdmin:      "administrator",
	UserAgent:      "agent",
	WelcomeGroup:   "Hello. I show customers' SMS here once you press the button or send /inbox on. Reply to an SMS and the answer goes out.",
	WelcomeShown:   "Hello. Customers' SMS are shown here. Reply to one and the answer goes out.",
	WelcomeLinked:  "Hello. SMS of %v are shown here. Reply to one and the answer goes out. Press the button to see other customers' SMS too.",
	ShowHere:       "Show SMS here",
	Leaving:        "Only one of my administrators may add me to a group, so I am leaving. Please ask one of them to add me.",
	LeftGroup:      "⚠️ %v added me to the group “%v”. Only administrators may do that, so I left.",
	TopicsOn:       "From now on each customer gets a topic here. I need the <b>Manage Topics</b> right for that.",
	TopicsOff:      "I make no more topics here: SMS are shown outside of topics. Existing topics stay.",
	TopicsNoForum:  "This group has no topics. Turn them on in its settings (Edit – Topics), then send <code>/topics on</code> again.",
	TopicsUsage:    "Use <code>/topics on</code> or <code>/topics off</code>.",
	Linked:         "SMS of %v are now shown here and nowhere else. <code>/send TEXT</code> goes to them.",
	Unlinked:       "This place no longer belongs to %v: their next SMS is shown where everybody else's are.",
	LinkUsage:      "Use <code>/link NUMBER</code>, for example <code>/link 09121234567</code>.",
	NotLinked:      "This place does not belong to a customer.",
	Named:          "%v is now called %v.",
	Nameless:       "%v no longer has a name.",
	NameUsage:      "Use <code>/name TEXT</code> in a customer's topic, or as a reply to one of their SMS; <code>/name -</code> removes the name.",
	Taken:          "%v answers %v from now on; anyone else who writes to them is asked first.",
	TakeUsage:      "Write this in a customer's topic, or as a reply to one of their SMS.",
	TakenByNobody:  "Nobody has taken %v.",
	TakenByOther:   "Only %v or an administrator can do that.",
	Released:       "Anyone may answer %v now.",
	WaitingHead:    "Waiting for an answer: %v",
	WaitingMany:    "Waiting for an answer: more than %v",
	WaitingNone:    "Nobody waits for an answer.",
	WaitingSMS:     "%v SMS",
	WaitingClaimed: "✍ %v",
	SnoozedCount:   "snoozed: %v",
	PinRest:        "and %v more: <code>/waiting</code>",
	PinDenied:      "I may not pin messages here. Let me pin messages, and I do it then; or pin the list by hand. It is kept up to date all the same.",
	PinLost:        "The list of who waits was deleted, so it is not kept up to date any more. <code>/waiting pin</code> makes a new one.",
	PinEnded:       "The list of who waits is not kept up to date here any more.",
	PinNone:        "No list of who waits is kept up to date here. <code>/waiting pin</code> makes one.",
	PageBefore:     "◀ Before",
	PageAfter:      "Next ▶",

	Answer:       "Answer",
	CopyNumber:   "Copy number",
	Prompt:       "%v, reply to this message: your words go to this customer.",
	PromptField:  "Answer to %v",
	PromptStands: "Write your answer as a reply to the message that names you.",

	Done:            "%v waits no more.",
	DoneUsage:       "Use <code>/done</code> in a customer's topic or as a reply to one of their SMS, or <code>/done NUMBER</code>.",
	WaitsNot:        "%v does not wait for an answer.",
	Snoozed:         "%v waits again from %v on, or as soon as they write.",
	SnoozeUsage:     "Use <code>/snooze 2h</code>, <code>/snooze tomorrow</code> or <code>/snooze 9:00</code> in a customer's topic or as a reply to one of their SMS, or <code>/snooze NUMBER 2h</code>.",
	OptedOut:        "🔕 %v opted out of %v.",
	OptOutMeans:     "Orders to several leave them out, and an order to them alone is asked about.",
	OptedIn:         "🔔 %v opted back in to %v.",
	OptOutUndone:    "%v undid it: %v is not opted out of %v.",
	OptInUndone:     "%v undid it: %v is still opted out of %v.",
	AllLines:        "all our lines",
	OptOutNone:      "Nobody opted out. To opt out those in a file, send it as CSV or XLSX, with a number and perhaps a line in each row, and reply to it with <code>/optout</code>.",
	OptOutHead:      "<b>Opted out: %v</b>",
	OptOutForgotten: "(and %v who were forgotten since)",
	OptOutFile:      "The file of all comes in your private chat. To opt out those in a file, reply to it with <code>/optout</code>.",
	OptOutSheet:     "Opted out",
	OptOutAsk:       "<b>Opt out the customers in this file?</b> New: %v, opted out already: %v. Without a line of ours in a row it is of all lines. Nothing changes before you press the button.",
	OptOutNothing:   "That file changes nothing. Opted out already: %v.",
	OptOutImport:    "Opt out",
	OptOutCancelled: "🚫 Cancelled by %v, nobody was opted out.",
	OptOutDone:      "Opted out by the file: %v. For an hour this can be undone.",
	OptOutTaken:     "Taken back; no longer opted out: %v.",
	OptOutLeft:      "They have written themselves since, and are left as they are: %v.",
	Blocked:         "🚫 %v is blocked: their SMS are kept and not shown, and nobody waits. Orders to several leave them out. <code>/unblock</code> ends that, <code>/history</code> shows what they wrote.",
	Unblocked:       "%v is not blocked: their SMS are shown from now on.",
	BlockUsage:      "Name the customer: <code>/block 09121234567</code>, or reply to their SMS with <code>/block</code>.",
	UnblockUsage:    "Name the customer: <code>/unblock 09121234567</code>, or reply to their SMS with <code>/unblock</code>. <code>/blocked</code> lists them.",
	BlockedHead:     "<b>Blocked: %v</b>",
	BlockedNone:     "Nobody is blocked.",
	BlockedLine:     "%v · by %v · %v · SMS since: %v",
	SnoozeTooLong:   "That is too far off: thirty days at most.",
	Awake:           "⏰ The snooze is over: this customer waits again.",
	Remind:          "⏰ This customer has waited for %v.",
	Escalate:        "🚨 Nobody has answered this customer for %v.",
	EscalateClaim:   "%v had taken them: anyone may answer now.",
	days:            "%v d %v h",
	ClosedHead:      "Closed, besides the hours of each week:",
	ClosedNone:      "No day is closed, besides the hours of each week. <code>/closed 2027-03-21</code> closes one.",
	ClosedOn:        "Closed: %v.",
	OpenOn:          "Open as usual: %v.",
	ClosedUsage:     "Use <code>/closed 2027-03-21</code>, <code>/closed 2027-03-21 2027-03-24</code> or <code>/closed -2027-03-21</code>. Persian dates do as well: <code>/closed 1406/01/01</code>.",
	ClosedTooMany:   "That is too long: %v days at once at most.",
	fromTo:          "%v to %v",
	Marks:           "The marks I put on your replies and <code>/send</code>: 👀 taken, 👌 accepted by the panel, 👍 delivered, 👎 failed. If there is more to say, I write it. Reply <code>/status</code> to one of yours to see everything.",
	CannedNone:      "There are no prepared answers yet. Keep one, such as <code>/canned hours Hello {name}, we are open from 8 to 17.</code>",
	CannedHead:      "Prepared answers. Reply to a customer's SMS with <code>/c NAME</code>:",
	CannedLine:      "%v – %v",
	CannedIs:        "The prepared answer %v:\n%v",
	CannedKept:      "The prepared answer %v is kept. To send it, reply to a customer's SMS with %v",
	CannedChanged:   "The prepared answer %v is kept in place of its earlier text. To send it, reply to a customer's SMS with %v",
	CannedParts:     "⚠️ It takes %v SMS parts: I ask each time before it goes out.",
	CannedRemoved:   "The prepared answer %v is removed.",
	CannedUnknown:   "There is no prepared answer %v; nothing was sent. Nearest: %v",
	CannedField:     "I don't know this field: %v. Nothing was kept. The fields are %v",
	CannedLong:      "The text is too long: %v characters at most. Nothing was kept.",
	CannedFull:      "No more than %v prepared answers are kept. Remove one first: <code>/canned -NAME</code>",
	CannedNameless:  "That answer has %v, and %v has no name yet: <b>nothing was sent</b>. Give them one with <code>/name</code>.",
	CannedUsage:     "Keep one with <code>/canned NAME TEXT</code>, remove one with <code>/canned -NAME</code>, list them with <code>/canned</code>. To send one, reply to a customer's SMS with <code>/c NAME</code>, or write that in the customer's topic.",
	ForgetUsage:     "Use <code>/forget NUMBER</code>, for example <code>/forget 09121234567</code>.",
	ForgetAsk:       "<b>Forget %v for good?</b> Every text, name and number of theirs leaves the store, also from answers of the panel kept there and from copies beside it; only counts stay, and that they opted out, without their number. A block ends. I cannot reach backups made elsewhere, the panel's own lists, and messages and topics in Telegram: delete those yourselves.",
	Forget:          "Forget",
	ForgetOpen:      "An order to this customer is still to be sent, or asks something. Decide or cancel it first, then press again.",
	ForgetBegun:     "It has begun, and cannot be undone. The administrators are told when nothing is left.",
	Forgotten:       "🗑 A customer was forgotten: %v SMS, ordered by %v. Nothing in the store names them any more. Backups made before, the panel and Telegram still do.",
	StatsUsage:      "Use <code>/stats DAYS</code>, of at most %v days, for example <code>/stats 30</code>.",
	StatsNone:       "There are no SMS of these days: %v.",
	StatsHead:       "📊 <b>Days: %v</b>, since %v",
	StatsIn:         "🔵 In: %v",
	StatsOut:        "🟠 Out: %v",
	StatsDelivered:  "🟢 Delivered: %v",
	StatsFirst:      "🟣 First answer after: %v (median of %v)",
	StatsBusiest:    "🔵 Busiest hours: %v",
	StatsLines:      "<b>By line</b>",
	StatsAgents:     "<b>By agent</b>",
	StatsLine:       "%v: 🔵 %v 🟠 %v 🟢 %v 🟣 %v",
	StatsAgent:      "%v: 🟠 %v 🟢 %v 🟣 %v",
	tookSeconds:     "%v s",
	tookMinutes:     "%v min",
	tookHours:       "%v h %v min",

	HistoryUsage: "Use <code>/history NUMBER</code>, or send <code>/history</code> in a customer's topic or as a reply to their SMS. A line of ours behind it shows only that line's SMS.",
	HistoryNone:  "No SMS from or to %v is kept.",
	HistoryEnd:   "Nothing more on that side is kept.",
	Older:        "Older",
	Newer:        "Newer",
	historyHead:  historyMark + " %v",
	historyIn:    headMark + " %v → %v · %v",
	historyOut:   sentMark + " %v · %v · %v · %v · %v",

	FindUsage:  "Use <code>/find WORDS</code>: SMS, names and numbers that hold all the words.",
	FindNone:   "No SMS I may look at here holds %v.",
	FindNoMore: "No more hold %v.",
	FindAnswer: "To answer one, quote it, or begin your reply with its id, such as %v.",
	FindMore:   "More",
	findHead:   findMark + " %v",
	sentHead:   sentMark + " %v ← %v · %v · %v · %v · %v",

	ExportUsage:     "Use <code>/export</code>, <code>/export DAYS</code>, <code>/export NUMBER</code> or <code>/export NUMBER DAYS</code>, for example <code>/export 09121234567 90</code>.",
	ExportBegun:     "The file is being made; it comes here. The administrators are told of every export.",
	ExportElsewhere: "The file is being made; it comes to you in private. The administrators are told of every export.",
	ExportNone:      "There are no such SMS: nothing was exported.",
	ExportCaption:   "SMS: %v, from %v to %v. It holds what customers wrote: /forget cannot reach it here.",
	ExportStart:     "I may not write to you in private, so <b>nothing was exported</b>: open %v, press Start, and ask again.",
	ExportUnsure:    "Nobody can know whether the file came: Telegram's answer was lost. If it is not here, ask again.",
	ExportFailed:    "The file could not be sent: %v. Please ask again in a while.",
	Exported:        "📁 %v SMS were exported as a file, to %v.",

	ExportSheet:     "SMS",
	ColumnTime:      "time (%v)",
	ColumnDate:      "Jalali date",
	ColumnDirection: "direction",
	ColumnLine:      "line",
	ColumnCustomer:  "customer",
	ColumnName:      "name",
	ColumnText:      "text",
	ColumnAgent:     "agent",
	ColumnStatus:    "status",
	ColumnParts:     "parts",
	In:              "in",
	Out:             "out",

	ContactsUsage:     "Send the file as CSV or XLSX, with a number and a name in each row, and reply to it with <code>/contacts</code>. Or send it with <code>/contacts</code> as its caption; in a group as a reply to one of my messages, or I do not see it.",
	ContactsHow:       "Reply to this file with <code>/contacts</code> to give customers the names in it, or with <code>/bulk</code> to send SMS to the numbers in it. A file itself is never sent as an SMS.",
	FileTooLarge:      "That file is too large: %v MB and %v rows at most. Nothing was done.",
	FileUnreadable:    "That is neither CSV nor XLSX, or it is damaged: nothing was done. Save it as one of these and send it again.",
	FileGone:          "I could not get or read that file: nothing was done. Please send it again.",
	ContactsAsk:       "<b>Give customers the names in this file?</b> New: %v, renamed: %v, unchanged: %v. Nothing changes before you press the button.",
	ContactsNothing:   "That file changes nothing. Names that are the same already: %v.",
	ContactsWrong:     "⚠️ Rows without a phone number, passed over: %v (row %v)",
	ContactsNameless:  "⚠️ Rows without a name, passed over: %v (row %v)",
	ContactsDoubled:   "⚠️ Rows whose number stands further up, passed over: %v (row %v)",
	Import:            "Import",
	Undo:              "Undo",
	ContactsCancelled: "🚫 Cancelled by %v, no name was changed.",
	ContactsDone:      "The names are given. New: %v, renamed: %v. For an hour this can be undone.",
	ContactsUndone:    "The names are taken back. Without a name again: %v, as they were called before: %v.",
	ContactsLeft:      "Named otherwise since, and left as they are: %v.",

	BulkUsage:    "<b>Many SMS from a file</b>: CSV or XLSX, a number and a text in each row; or a number and other columns, and the text behind the command, with columns in braces by number or heading: <code>/bulk Dear {name}, your code is {4}.</code> Send <code>/bulk</code> as the file's caption, or as a reply to it; in a group the file has to be a reply to one of my messages, or I do not see it. I ask before anything is sent. 10,000 rows at most.",
	BulkWrong:    "<b>Nothing was sent</b>: these rows are wrong. Mend them and send the file again.",
	BulkNoNumber: "⚠️ Without a phone number: %v (row %v)",
	BulkNoText:   "⚠️ Without a text: %v (row %v)",
	BulkNoField:  "⚠️ Without what the text names in braces: %v (row %v)",
	BulkTooLong:  "⚠️ With a text of more than 4,000 characters: %v (row %v)",
	BulkNoColumn: "<b>Nothing was sent</b>: the file has no column %v. In braces stands the number of a column, or its heading as in the first row.",
	BulkTooMany:  "<b>Nothing was sent</b>: at most %v rows at once. Split the file.",
	BulkEmpty:    "<b>Nothing was sent</b>: there are no rows in that file.",
	AskEach:      "<b>Send these?</b> Recipients: %v, parts each: %v, parts in all: %v.",
	BulkRow:      "Row %v, to %v:",
	BulkUnicode:  "Unicode in %v of them, the first in row %v because of “%v” (%v): %v characters in one part, %v in each of several.",
	BulkTakes:    "At the panel's pace this takes about %v.",
	BulkCount:    "%v recipients of a file",
	Stop:         "Stop",
	BulkResult:   "What became of each row: %v. <code>/status</code> as a reply brings the file up to date.",
	BulkSheet:    "SMS",
	ColumnRow:    "row",
	SampleNumber: "number",
	SampleText:   "text",
	SampleName:   "name",
	SampleCode:   "code",
	SampleWords:  "Dear %v, your code is %v.",
	SampleOne:    "Mrs. Rezaei",
	SampleOther:  "Mr. Karimi",

	CardHead:   "👤 %v",
	CardLine:   " → %v",
	CardCounts: "Received: %v · sent: %v",
	CardSince:  " · since %v",
	CardOwner:  "Answered by: %v",
	CardNobody: "Nobody has answered yet.",
	CardRule:   "Replies to my messages, except to questions, and <code>/send TEXT</code> go out as SMS. Everything else stays among you.",
	Icons:      "The icon of a topic says how things stand: %v waits for an answer, %v our answer did not arrive, %v answered, %v needs no answer. <code>/waiting</code> lists who waits.",

	Unsure:           "nobody can know whether it was sent: instead of its id, the panel gave %v. Check the panel's own list before you send it again.",
	PanelRejected:    "The panel refuses: %v",
	PanelAuth:        "The panel refuses our user name or password, or our key, or has blocked our address. Check SMS_API_USER and SMS_API_PASSWORD, or SMS_API_KEY.",
	PanelUnavailable: "The panel cannot be reached right now. Nothing was done; try again in a while.",
	PanelUncertain:   "The panel did not answer, or its answer could not be read. Try again in a while.",

	noSender:   "no sender",
	times:      "×%v",
	verbatim:   "⚠️ not readable, as it came",
	getsAway:   "🌙 gets the away text",
	smsHead:    headMark + " %v → %v · %v · %v",
	smsPart:    " · part %v of %v",
	digestHead: "%v SMS. To answer one, quote it, or begin your reply with its id, such as %v.",
	WhichOne:   "That message shows SMS of several customers: <b>nothing was sent</b>. Quote the one you answer, or begin your reply with its id, such as <code>%v</code>.",
	repeated:   "♻️ perhaps repeated",
	arrivedAt:  " (here at %v)",

	To:             "To %v: ",
	ToCount:        "To %v recipients: ",
	Queued:         "⏳ not sent yet: waiting for the panel.",
	WaitsDown:      "⏳ not sent yet: the panel is down. It goes out by itself when the panel is back; if that takes more than an hour, I ask first.",
	WaitsTwin:      "⏳ not sent yet: the panel says that it had the same text for the same recipient less than a minute ago. It goes out by itself after that minute.",
	WaitsLogin:     "⏳ not sent yet: the panel refuses our login, and the administrators were told. It goes out by itself once that is fixed; if that takes more than an hour, I ask first.",
	Sending:        "⏳ sending…",
	Sent:           "✔️ sent, no word from the phone yet.",
	SentNoReport:   "✔️ sent; the panel gives no delivery report.",
	SentLongAgo:    "✔️ sent; no delivery report in %v hours.",
	TelecomLongAgo: "✔️ reached the telecom; no report from the phone in %v hours.",
	AtTelecom:      "✔️ reached the telecom, not the phone yet.",
	Delivered:      "✅ delivered.",
	Failed:         "❌ %v",
	Dropped:        "❔ unknown whether it was sent.",
	AskAgain:       "❓ <b>Nobody can know whether it was sent</b>: the panel gave no clear answer. Sending again may reach the customer twice.",
	AskAgainPart:   "❓ <b>For %v of these, nobody can know whether they were sent</b>: the panel gave no clear answer. Sending again may reach them twice.",
	Cancelled:      "🚫 cancelled by %v, nothing was sent.",
	CancelledRest:  "🚫 what waited was cancelled by %v.",
	ExpiredRest:    "⌛ nobody answered in time: what waited was not sent.",
	Expired:        "⌛ nobody answered in time, nothing was sent. Order it again if you want it sent.",
	AwayTo:         "🌙 Away text to %v: ",
	AwayLate:       "it waited for the panel for more than an hour, and was not sent.",
	AwayBy:         "away text",
	Counts:         "%v %v",
	CountQueued:    "waiting",
	CountSending:   "being sent",
	CountSent:      "sent",
	CountAtTelecom: "at the telecom",
	CountDelivered: "delivered",
	CountFailed:    "failed",
	CountUncertain: "uncertain",
	CountLeft:      "left uncertain",
	CountDropped:   "not sent",
	CountWithheld:  "left out",
	LeftOut:        "🔕 Left out, as they opted out of %v: %v",
	LeftOutBlocked: "🚫 Left out, as they are blocked: %v",
	NoReport:       "no report for %v, and I no longer ask for one",
	FailedOne:      "❌ %v: %v",
	More:           "… and %v more",
	LostFound:      "the panel's answer was lost; asked by the SMS's own key, it has it (%v in all): sent once",
	LostMatched:    "the panel's answer was lost; looked for by line, text and recipients, it is there (%v in all), exactly once: it was sent",
	LostUnmatched:  "the panel's answer was lost; looked for by line, text and recipients, for 20 minutes, it was not found for certain (%v in all), which does not prove that it was not sent",
	LostResent:     "the panel's answer was lost; asked by the SMS's own key, it did not have it (%v in all): sent again with the same key, so nothing goes out twice",
	DecidedAgain:   "🔁 to be sent again, says %v",
	DecidedWas:     "it was sent, says %v",
	DecidedLeave:   "left so by %v",

	LaterUsage:     "Write when, then a number and the text: <code>/later tomorrow 9:00 09121234567 Hello</code>. In a customer's topic or as a reply to their SMS, a comma or a new line ends the time: <code>/later 2h, Hello</code>. Times are such as <code>9:00</code>, <code>2h</code>, <code>sat 10:30</code>, <code>2026-12-11 10:00</code>.",
	LaterUnclear:   "I cannot tell which time that is. Nothing was scheduled.",
	LaterUnread:    "I cannot read %v in the time. Nothing was scheduled.",
	LaterRead:      "Read so far: %v.",
	LaterPast:      "%v is over. Nothing was scheduled.",
	LaterTooFar:    "That is too far off: a year at most. Nothing was scheduled.",
	LaterFull:      "Nothing was scheduled: %v orders are waiting for their time already. See /scheduled.",
	LaterAt:        "⏰ <b>%v</b>, in %v:",
	LaterSet:       "⏰ Scheduled for <b>%v</b> by %v, to %v:",
	LaterCancelled: "🚫 Cancelled by %v: nothing is sent on %v to %v.",
	LaterNot:       "⚠️ What was scheduled for %v, to %v, by %v <b>was not sent</b>:",
	LaterDenied:    "Whoever scheduled it may not use the bot any more.",
	LaterEdited:    "I do not read edits: it stays as first written. To change it, cancel it and write it again.",
	LaterWas:       "⏰ Scheduled for %v.",
	LaterMissed:    "⏰ This was scheduled for %v. I was not running then, and now it is late.",
	LaterDoubtful:  "⏰ This was scheduled for %v. A backup was restored since it was written: <b>it may have been sent or cancelled already</b>.",
	ScheduledNone:  "Nothing is scheduled here. <code>/later tomorrow 9:00 09121234567 Hello</code> schedules an SMS.",
	ScheduledHead:  "<b>Scheduled: %v</b>",
	ScheduledLine:  "%v. %v · to %v · by %v",
	Schedule:       "Schedule",
	CancelOne:      "🚫 %v",

	AskTo:          "To %v",
	Ask:            "<b>Send this?</b> Recipients: %v, parts each: %v, parts in all: %v.",
	AskLate:        "⏳ <b>Send it now?</b> It was not sent, and has waited for more than an hour.",
	AskLatePart:    "⏳ <b>Send now?</b> These have waited for more than an hour and were not sent: %v.",
	AskLatin:       "Latin text, %v characters in one part, %v in each of several.",
	AskUnicode:     "Unicode because of “%v” (%v): %v characters in one part, %v in each of several.",
	AskForeign:     "⚠️ Abroad, often many times the price: %v",
	AskLinks:       "Its links are written out in the text, because an SMS cannot hide them behind words.",
	AskNumber:      "⚠️ The text begins with %v. If that is a phone number you want to send to, cancel and write it with nothing around it. Otherwise it goes out as part of the text.",
	AskPrice:       "By the panel's prices it costs about %v rial.",
	AskCredit:      "Credit: %v",
	Answering:      "<b>%v is answering this customer.</b> Send your answer too?",
	AnsweringSome:  "<b>Some of these customers are being answered by %v.</b>",
	AskFooter:      "Added at the end: %v",
	AskQuiet:       "🌙 These are quiet hours, until %v.",
	AskLint:        "⚠️ %v: %v.",
	AskShortened:   "Shortened, it reads:",
	SendNow:        "Send now",
	SendAt:         "Send at %v",
	Postponed:      "🕗 put off to %v by %v, see /scheduled.",
	Shorten:        "Shorten",
	AsWritten:      "As I wrote it",
	AskOptedOut:    "🔕 <b>This customer opted out of %v.</b> Send this one all the same?",
	AskBlocked:     "🚫 <b>This customer is blocked</b>, and you will not see their answer. Send this one all the same?",
	Same:           "<b>You ordered exactly this a moment ago.</b> Send it again?",
	SendAnyway:     "Send anyway",
	LeaveIt:        "Leave it",
	AskTooLittle:   "⚠️ That is less than the number of parts: the credit may not be enough.",
	Send:           "Send",
	Cancel:         "Cancel",
	Again:          "Send again",
	Was:            "It was sent",
	Leave:          "Leave",
	PressOld:       "This button is out of date; look at the message again.",
	PressAlready:   "%v has already decided.",
	PressExpired:   "Too late: nothing was sent. Order it again if you want it sent.",
	PressTooSoon:   "Another machine took over just now, and the panel may still carry out what the one before asked. Wait a minute, then press again.",
	PressUnderWay:  "It is on its way to the panel and can no longer be cancelled. Look at the message again.",
	PressDone:      "Done.",
	PressNotYours:  "Only the person who asked can answer this.",
	PressNotAgent:  "You are not on the list of this bot's users.",
	PressNotAdmins: "Only administrators can do that.",

	TelecomTrouble: "trouble in the telecom's network; it may still arrive.",
	NotDelivered:   "did not reach the phone, which may be off or out of coverage; it may still arrive.",
	BlackList:      "the number is on the operator's blacklist: it accepts no SMS of this kind.",

	FetchLost:        "⚠️ Between %v and %v up to %v SMS may be lost: the panel was asked for new SMS and its answer never came (failed fetches: %v). Often it is a false alarm. The panel's own site shows what it received then.",
	FetchCut:         "⚠️ At %v an answer from the panel was cut off. %v SMS in it are saved and shown; others may be lost. The panel's own site shows what it received then.",
	FetchCutAgain:    "⚠️ Between %v and %v answers from the panel were cut off, again and again (failed fetches: %v). %v SMS in them are saved and shown; others may be lost. The panel's own site shows what it received then.",
	Undecodable:      "⚠️ At %v the panel gave an answer that cannot be read. Its bytes are kept in the store; SMS may be in it. The panel's own site shows what it received then.",
	UndecodableAgain: "⚠️ Between %v and %v the panel gave %v answers that cannot be read. Their bytes are kept in the store, equal ones once; SMS may be in them or lost with them. The panel's own site shows what it received then.",
	NoAnswer:         "⚠️ At %v the panel answered with something that is no answer. Its bytes are kept in the store. Nothing is lost by it: the panel has the SMS still, and I ask again.",
	NoAnswerAgain:    "⚠️ Between %v and %v the panel answered %v times with something that is no answer. Their bytes are kept in the store, equal ones once. What was in them I asked for again; what the panel did not tell any more is reported on its own.",
	NotKept:          "Answers among these that were not kept whole for lack of room: %v.",
	NoChat:           "⚠️ SMS are arriving, but no chat shows them, so they wait. Add me to a group and press [Show SMS here], or send /inbox on where they should appear.",
	ChatLost:         "⚠️ I can no longer write to the chat %v: %v. What I had to show there waits until I can.",
	Unshown:          "⚠️ Telegram refuses to show a message of mine here: %v",
	UnshownSMS:       "⚠️ Telegram refuses to show this SMS here: %v",
	ShowAgain:        "Show again",
	ShownAgain:       "It was already shown again, or is no longer kept.",
	PostRefused:      "⚠️ Telegram refuses one message for the chat %v: %v. It is kept in the store.",
	LinkLost:         "⚠️ The topic that showed only SMS of %v, in the chat %v, is gone. Their SMS are now shown where everybody else's are; <code>/link NUMBER</code> gives them a place of their own again.",
	NoTopics:         "⚠️ I may not make topics in the chat %v: %v. Until I can, SMS are shown outside of topics. Make me an administrator there with the Manage Topics right.",
	PanelRefuses:     "⚠️ The panel refuses our user name or password, or our key, or has blocked our address: %v. No SMS are fetched or sent until that is fixed. Check SMS_API_USER and SMS_API_PASSWORD, or SMS_API_KEY.",
	PanelAccepts:     "✅ The panel accepts our user name and password again. It refused them from %v to %v. What waits goes out now; I ask first about what has waited for more than an hour.",
	PanelRepeats:     "⚠️ The panel gave the same SMS %v times in a row, each time with a different time. From now on I count such SMS (×) instead of showing them again, and fetch less often, until the panel gives others or none. Perhaps somebody really does write the same again and again; if not, ask your panel's provider.",
	PanelDown:        "⚠️ Since %v the panel's answers make no sense, or do not come at all. Until it is back nothing is sent: what agents write waits (⏳), then goes out by itself; I ask first about what has waited for more than an hour by then.",
	PanelBack:        "✅ The panel answers again. It was down from %v to %v. What waits goes out now; I ask first about what has waited for more than an hour.",
	AwayHour:         "🌙 Customers who write now get no away text: %v went out within an hour (AWAY_PER_HOUR). They wait as all others do.",
	AwayCredit:       "🌙 Customers who write now get no away text: the credit at the panel is below LOW_CREDIT, or not known. They wait as all others do.",
	AwayDay:          "🌙 Customers who write now get no away text today: those sent took as many parts as DAILY_PARTS allows. They wait as all others do.",
	LowCredit:        "⚠️ The credit at the panel is down to %v, below %v (LOW_CREDIT). Without credit nothing can be sent.",
	ClockWrong:       "⚠️ The clock of the machine Peyk runs on is %v minutes off (compared with Telegram's). Until both agree, Peyk uses Telegram's and deletes nothing old. Set the machine's by NTP, with <code>timedatectl set-ntp true</code>.",
	LowCreditDays:    "In the last few days about %v a day was used. Days left at that rate: about %v.",

	Restored: "⚠️ The store was restored from a backup of %v or a little later. I know nothing of what came in or was sent from then until %v: the panel's own site shows it. What I had to send then I ask about first.",

	CheckWhole:         "store: %v is whole.",
	CheckCopyWhole:     "store: %v is whole; a copy was read, because a bridge has it open.",
	CheckNoStore:       "store: %v is not there yet: the bridge makes it when it starts. If it should be there, check <code>DB_PATH</code>.",
	CheckNoFile:        "store: %v is not a file: set <code>DB_PATH</code> to the name of one.",
	CheckStoreOpen:     "store: %v can be read by others, so the bridge refuses to start: run %v.",
	CheckStoreShut:     "store: %v cannot be opened: let the user that peyk runs as read and write it.",
	CheckStoreBusy:     "store: %v was not checked: a process has it open and gives no copy. Check again when it is not running.",
	CheckFollows:       "store: %v was not checked: it follows the leader's, so check it there.",
	CheckStoreNewer:    "store: %v was written by a newer peyk: run that version.",
	CheckDamaged:       "store: %v is not whole: stop the bridge and put a backup in its place with %v.",
	CheckNoCopy:        "store: %v was not checked: a bridge has it open, and there is no room for the copy to check.",
	CheckDir:           "store: no file can be made in %v: let the user that peyk runs as write there, or set <code>DB_PATH</code> to another place.",
	CheckRoom:          "disk: in %v only %v MB are left: make room. On a full disk nothing is fetched or sent.",
	CheckNobody:        "people: nobody may use the bot yet: start it, and open the link in its log.",
	CheckNoInbox:       "chats: none shows SMS yet: add the bot to a group and press [Show SMS here].",
	CheckTelegramName:  "Telegram",
	CheckTelegramClear: "Telegram: <code>TELEGRAM_API_URL</code> is http: the bot's token crosses the network in clear text. Use https if the server has it.",
	CheckToken:         "token: Telegram does not know it: set <code>TELEGRAM_BOT_TOKEN</code> to the one from @BotFather, and check <code>TELEGRAM_API_URL</code>.",
	CheckBot:           "token: it belongs to %v, %v",
	CheckPrivacy:       "group privacy: on, as it should be: the bot hears commands and replies to itself.",
	CheckHearsAll:      "group privacy: off. That works; the bot ignores what agents say to each other, but does not need to hear it: @BotFather, /setprivacy.",
	CheckWebhook:       "updates: a webhook is set, so Telegram gives them to another program: stop it, then run %v.",
	CheckContested:     "updates: at %v another program fetched them with our token: stop it, or get a new token from @BotFather (/revoke).",
	CheckChat:          "chat: the bot may write in %v.",
	CheckNoChat:        "chat: Telegram knows no chat %v that the bot was ever in: add the bot to it, or correct the id in <code>INBOX_CHATS</code>.",
	CheckThrownOut:     "chat: the bot was removed from %v, or blocked there: let it in again, or take the chat out of <code>INBOX_CHATS</code>.",
	CheckMuted:         "chat: the bot may not write in %v: let its members write, or make the bot an administrator there.",
	CheckMoved:         "chat: %v has become the supergroup %v: the bot follows by itself. Put the new id into <code>INBOX_CHATS</code>.",
	CheckNoTopics:      "chat: each customer should have a topic in %v, but the bot can make none: turn on the group's topics, and make the bot an administrator with the Manage Topics right. Or send <code>/topics off</code> there.",
	CheckTopics:        "chat: the bot may write in %v, but not manage topics, so it cannot write into closed ones: make it an administrator with the Manage Topics right.",
	CheckReactions:     "chat: in %v agents' reactions to an SMS (👌 done, ✍ I take it, 😴 until tomorrow) do nothing, as Telegram tells only administrators of them: make the bot one, or use <code>/done</code>, <code>/take</code> and <code>/snooze</code>.",
	CheckAdmin:         "people: the administrator %v cannot be reached: they never wrote to the bot, or have blocked it. They should send it /start.",
	CheckPanelName:     "panel",
	CheckPanelClear:    "panel: <code>SMS_API_URL</code> is http: the login crosses the network in clear text. Use https if the panel has it.",
	CheckLogin:         "panel: it takes our user name and password; credit %v.",
	CheckKeyLogin:      "panel: it takes our key; credit %v.",
	CheckKey:           "panel: it refuses our key, or our address: check <code>SMS_API_KEY</code>, and which addresses the panel's web site lets in.",
	CheckNoPanel:       "panel: there is another service at <code>SMS_API_URL</code>: leave that setting out, or put in the panel's address as its documentation writes it, up to before the key.",
	CheckNoOddities:    "panel: it does not say how the account is set.",
	CheckSendsNothing:  "panel: the account is in debug mode, in which no SMS goes out: switch that off on the panel's web site.",
	CheckSendsAgain:    "panel: the account sends by itself again what failed, so that a customer may get an SMS twice: switch that off on the panel's web site (resend failed).",
	CheckPassword:      "panel: it refuses the user name or password: check <code>SMS_API_USER</code> and <code>SMS_API_PASSWORD</code>. Some panels have separate ones for the web service, or accept only certain addresses.",
	CheckWebLogin:      "panel: its web server asks for its own login: put it into <code>SMS_API_URL</code>, as in <code>https://USER:PASSWORD@HOST/…</code>",
	CheckPanelRefuses:  "panel: it does not give the credit: “%v”. Ask your SMS provider.",
	CheckNoService:     "panel: there is no SMS service at <code>SMS_API_URL</code>, but a web page or nothing: put in the address of the panel's web service, often %v",
	CheckWSDL:          "panel: there is another service at <code>SMS_API_URL</code>, without %v: put in the address of the panel's SMS service.",
	CheckLines:         "lines: the panel lets us send from %v.",
	CheckForeign:       "lines: %v is not ours, says the panel: correct <code>SMS_LINES</code>.",
	CheckUntold:        "lines: without sending, nobody can tell whether %v are ours.",
	CheckClock:         "clock: right.",
	CheckClockOff:      "clock: this machine's is %v minutes off (compared with: %v); nothing old is deleted until it is right: set it by NTP, with <code>timedatectl set-ntp true</code>",
	CheckPanelClock:    "clock: this machine's is right, the panel's differs by %v minutes: the times of its SMS may be wrong by that much.",

	NetProxy:         "%v: the proxy of %v lets nothing through: check that it runs, and that address, user name and password are right.",
	NetName:          "%v: the server that %v names was not found: check its spelling, and whether this machine finds others (DNS).",
	NetRefused:       "%v: nobody answers at the port that %v names: check the address and port, and whether you need a proxy to get there (%v).",
	NetSilent:        "%v: no answer came within %v seconds: check %v, whether a firewall is in between, and whether you need a proxy to get there (%v).",
	NetWantsHTTP:     "%v: the server does not speak https there: write http:// in %v, or the port of https.",
	NetWantsHTTPS:    "%v: the server speaks https there: write https:// in %v.",
	NetCertificate:   "%v: the server's certificate is not valid: check %v, and this machine's clock.",
	NetExpired:       "%v: the server's certificate has expired, or is not valid yet: check this machine's clock; if it is right, whoever runs the server of %v has to renew it.",
	NetOtherName:     "%v: the server's certificate is for another name: put the name it is for into %v, not an IP address or another name of the server.",
	NetUnknownIssuer: "%v: the server's certificate is not valid: nobody this machine trusts vouches for it. If %v does name the right server, put its issuer's certificates into a file, in PEM, and set <code>SSL_CERT_FILE</code> to that file's path in the environment Peyk starts in (.env does not count).",
	NetOldTLS:        "%v: the server speaks only an old TLS that is not safe today: have it updated, or put a TLS proxy such as stunnel in front of it and the proxy's address into %v, or, if the server has http and the network in between is safe, <code>http://</code>.",
	NetRedirect:      "%v: the server redirects us to %v: if that is the right server, put its address into %v.",
	NetStatus:        "%v: a server on the way answers with HTTP status %v: check %v; if it is right, try again later.",
	NetBroken:        "%v: the answer could not be read, or was cut off: check %v, and what else listens there.",

	Commands: map[string]string{
		"start":     "what this bot is",
		"help":      "what you can do",
		"id":        "your Telegram id and this chat's",
		"credit":    "credit left at the SMS panel",
		"history":   "a customer's last SMS: NUMBER, or as a reply",
		"export":    "SMS as a spreadsheet, in private: NUMBER, DAYS",
		"stats":     "SMS in and out, share delivered, time to answer: DAYS",
		"find":      "SMS, names and numbers that hold all the words: WORDS",
		"send":      "send an SMS: NUMBER[,NUMBER…] TEXT",
		"bulk":      "many SMS from a CSV or XLSX: as its caption or a reply to it; asks first",
		"later":     "an SMS at a time to come: WHEN NUMBER… TEXT; asks first",
		"scheduled": "what is to be sent later, to look at or cancel",
		"status":    "delivery of the last SMS, or of panel ids",
		"line":      "the line this chat sends from",
		"inbox":     "show inbound SMS here: on, off, or on LINE…",
		"topics":    "a topic for each customer: on or off",
		"link":      "show SMS of one customer here: NUMBER",
		"unlink":    "stop showing only that customer here",
		"canned":    "prepared answers: list, or keep NAME TEXT",
		"c":         "send a prepared answer, as a reply: NAME",
		"name":      "name a customer: TEXT",
		"take":      "answer this customer yourself",
		"release":   "let anyone answer this customer",
		"waiting":   "who waits for an answer, the longest first; with pin it stays pinned here",
		"done":      "this customer needs no answer",
		"snooze":    "this customer waits again only later: 2h, tomorrow, 9:00",
		"allow":     "let somebody use the bot: ID, or as a reply",
		"deny":      "take somebody off the list: ID, or as a reply",
		"users":     "who may use the bot",
		"closed":    "days on which you do not work: DATE, or the first and the last; -DATE takes it back",
		"block":     "keep a customer's SMS and do not show them: NUMBER, or as a reply",
		"unblock":   "show a customer's SMS again: NUMBER, or as a reply",
		"blocked":   "who is blocked",
		"optout":    "who opted out, also as a file in private; as a reply to a file: opt those out",
		"contacts":  "names for many customers: as a reply to a CSV or XLSX",
		"forget":    "delete all that is known of a customer: NUMBER",
		"check":     "check settings, store, panel, Telegram and chats",
		"language":  "the language of this chat: en or fa",
	},
	Examples: map[string]string{
		"start":     "<code>/start</code>",
		"help":      "<code>/help</code>",
		"id":        "<code>/id</code>",
		"credit":    "<code>/credit</code>",
		"history":   "<code>/history 09121234567</code>",
		"export":    "<code>/export 09121234567 90</code>",
		"stats":     "<code>/stats 30</code>",
		"find":      "<code>/find order 123</code>",
		"send":      "<code>/send 09121234567 Hello</code>",
		"bulk":      "<code>/bulk Dear {name}, your code is {4}.</code>",
		"later":     "<code>/later tomorrow 9:00 09121234567 Hello</code>",
		"scheduled": "<code>/scheduled</code>",
		"status":    "<code>/status 5000000001</code>",
		"line":      "<code>/line 30001234</code>",
		"inbox":     "<code>/inbox on 30001234</code>",
		"topics":    "<code>/topics on</code>",
		"link":      "<code>/link 09121234567</code>",
		"unlink":    "<code>/unlink</code>",
		"canned":    "<code>/canned hours Hello {name}, we are open from 8 to 17.</code>",
		"c":         "<code>/c hours</code>",
		"name":      "<code>/name Mrs. Rezaei</code>",
		"take":      "<code>/take</code>",
		"release":   "<code>/release</code>",
		"waiting":   "<code>/waiting</code>",
		"done":      "<code>/done</code>",
		"snooze":    "<code>/snooze tomorrow 10:00</code>",
		"allow":     "<code>/allow 123456789</code>",
		"deny":      "<code>/deny 123456789</code>",
		"users":     "<code>/users</code>",
		"closed":    "<code>/closed 2027-03-21 2027-03-24</code>",
		"block":     "<code>/block 09121234567</code>",
		"unblock":   "<code>/unblock 09121234567</code>",
		"blocked":   "<code>/blocked</code>",
		"optout":    "<code>/optout</code>",
		"contacts":  "<code>/contacts</code>",
		"forget":    "<code>/forget 09121234567</code>",
		"check":     "<code>/check</code>",
		"language":  "<code>/language fa</code>",
	},
}

// Languages by the names settings and commands use.
var Languages = map[string]*Language{"en": &English, "fa": &Persian}
