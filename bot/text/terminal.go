package text

// Terminal is every sentence that the program says on a terminal, in one language, as plain text: what is wrong with the settings, what peyk
// setup asks and says, and how peyk check begins its lines.
type Terminal struct {
	// In front of a finding, all equally wide.
	Right, Noted, Wrong string

	// The settings. What is wrong with a value follows the setting's name in Mistake, or setup's WrongAnswer.
	CommandSays     string // command, what
	NoSettings      string
	WrongSettings   string
	Mistake         string // setting, what is wrong with its value
	Missing         string // setting, how to get it
	GetToken        string
	GetURL          string
	GetUser         string
	GetPassword     string
	GetKey          string
	GetLines        string
	BothSet         string // setting, the same with _FILE
	FileUnread      string // file, why
	FileEmpty       string // setting, file
	FileNotUTF8     string // setting, file
	FileUTF16       string // file
	FileLine        string // file, line
	FileOpen        string // file, setting, mend
	FileOpenSecret  string // file, mend
	NotASetting     string // name, where
	DidYouMean      string // name, where, setting
	TheEnvironment  string
	Quoted          string
	NotUTF8         string
	NotOneLine      string
	NotAToken       string
	NotAnAddress    string
	NotAName        string
	NotPEM          string
	NotAProxy       string
	NotALine        string // given
	LineOrSeveral   string // given
	LineTwice       string // line
	NoLine          string
	NotAnID         string // given
	SharedID        string // id
	GroupID         string // id
	NoUnit          string // given, the same in seconds
	NotATime        string // given
	TimeTooShort    string // given
	TimeTooLong     string // given
	NotParts        string // given
	NotAnAmount     string // given
	SeveralPrefixes string // given
	NotAPrefix      string // given
	NotPartSizes    string // given
	UnevenPartSizes string // part sizes
	NotALanguage    string // given, languages
	NotDays         string // given
	NotAZone        string // given
	NotHours        string // given
	NotPerHour      string // given
	AwayNoHours     string
	NotWords        string // given
	NotQuiet        string // given
	NoLint          string // why
	NotLint         string // what is wrong
	BothWays        string // word, the other setting
	SandboxAlone    string
	NotAReminder    string // given
	NotAPanel       string // given, which there are
	NotAKey         string
	NotALevel       string // given
	NotAFormat      string // given
	NotToListenAt   string // given

	// Of peyk check alone.
	CheckSettings string
	CheckAway     string // how many parts each takes
	CheckSetting  string // what
	CheckPanel    string // why there is none
	CheckListen   string // address
	CheckListens  string // address
	CheckTaken    string // address
	CheckNoListen string // address

	ClusterServer  string // address, version, megabytes, of how many, milliseconds
	ClusterSilent  string // address, the setting that names it
	ClusterOld     string // address, version
	ClusterFull    string // address, megabytes, of how many, what it says
	ClusterClock   string // address, seconds
	ClusterFew     string // how many servers
	ClusterLeads   string // member
	ClusterVacant  string
	ClusterFollows string // member, entries behind
	ClusterLost    string // member, when it was heard of
	ClusterDiffers string // member
	ClusterVersion string // member, version, ours
	QuickOff       string
	QuickAlive     string
	QuickSilent    string // why
	QuickIll       string // HTTP status, what the bridge says

	// What peyk setup asks.
	AskLanguage string
	AskChange   string // file
	AskToken    string
	AskProxy    string
	AskURL      string
	AskUser     string
	AskPassword string
	AskPanel    string // which there are
	AskKey      string
	AskLines    string
	AskCluster  string
	AskKeep     string
	Hidden      string // question
	HiddenKept  string // question
	Kept        string // question, what Enter keeps
	YesOrNo     string // question
	Yes         string // how an answer that means yes may begin

	// What peyk setup says.
	SetupBot         string
	SetupPanel       string
	SetupLines       string
	SetupCluster     string
	Required         string
	WrongAnswer      string // what is wrong with it
	FromEnvironment  string // setting
	FixEnvironment   string
	Unquotable       string // file, setting with _FILE
	Unwritable       string // setting, file
	Unchanged        string
	Interrupted      string
	InputEnded       string
	NoFileHere       string // directory, why
	NotWritten       string // file, why
	Written          string // file
	WrittenSecret    string // file, setting
	FixBefore        string
	Note             string // what
	NextSteps        string
	NextStart        string
	NextStartService string
	NextOwner        string
	NextGroup        string // the bot
	TheBot           string
}

var englishTerminal = Terminal{
	Right: "ok    ", Noted: "note  ", Wrong: "WRONG ",

	CommandSays:    "%v: %v",
	NoSettings:     "there are no settings yet: run peyk setup, which asks for them and tries each. (peyk sandbox needs none.)",
	WrongSettings:  "there are mistakes in the settings. peyk setup asks for what is needed and tries it; peyk man explains each:",
	Mistake:        "%v %v",
	Missing:        "%v is missing: %v",
	GetToken:       "send /newbot to @BotFather on Telegram and put in the token he gives",
	GetURL:         "put in the address of the panel's web service, with or without ?wsdl",
	GetUser:        "put in the user name of the panel's web service",
	GetPassword:    "put in the password of the panel's web service",
	GetKey:         "put in the API key that the panel's web site shows",
	NotAPanel:      "is %v, which is no kind of panel: write one of %v",
	NotAKey:        "contains a space: copy the key again from the panel's web site",
	GetLines:       "put in your numbers at the panel, separated by commas, the one to send from first",
	BothSet:        "%v and %v are both set: leave one of them out",
	FileUnread:     "%v cannot be read: %v",
	FileEmpty:      "%v names an empty file: %v",
	FileNotUTF8:    "%v names a file that is not UTF-8: save it as UTF-8: %v",
	FileUTF16:      "%v cannot be read: it is in UTF-16; save it in UTF-8",
	FileLine:       "%v line %v cannot be read: write NAME='value', with both quotes",
	FileOpen:       "%v can be read by others, and %v is in it: run %v",
	FileOpenSecret: "%v can be read by others, and a secret is in it: run %v",
	NotASetting:    "%v in %v is not a setting: check its spelling",
	DidYouMean:     "%v in %v is not a setting: did you mean %v?",
	TheEnvironment: "the environment",
	Quoted: "begins or ends with a quotation mark, which something in between, such as docker's --env-file, made part of the value: " +
		"leave the quotes out there. If they do belong to it, put the value into a file, and that file's path into the same name with _FILE",
	NotUTF8:      "is not UTF-8: write it in UTF-8",
	NotOneLine:   "contains a line break, a tab or the like: write it on one line",
	NotAToken:    "is not a bot token: one looks like 123456789:AAHd…, digits, a colon, letters; copy it again from @BotFather",
	NotAName:     "has something else than letters, digits, dots, - and _",
	NotPEM:       "it holds no certificate in PEM",
	NotAnAddress: "is not an address: write all of it, beginning with http:// or https://, without spaces",
	NotAProxy: "is not a proxy's address: write socks5://HOST:PORT, http://HOST:PORT or https://HOST:PORT, " +
		"with USER:PASSWORD@ before the host if the proxy asks for them; write @ and / in them as %40 and %2F",
	NotALine:        "holds %v, which is not a number: write the lines as the panel names them, separated by commas",
	LineOrSeveral:   "holds %v, which may be one line or several: write each without spaces or dashes, and commas between them",
	LineTwice:       "names the line %v twice: leave one out",
	NoLine:          "names no line: write your numbers at the panel, separated by commas",
	NotAnID:         "holds %v, which is not a Telegram id: ids are numbers, with commas between them; send the bot /id to see them",
	SharedID:        "holds %v, an account that Telegram lets anybody use: remove it",
	GroupID:         "holds %v, which is a group's id: a user's id is above 0; the user sees it by sending the bot /id in private",
	NoUnit:          "is %v, which has no unit: write %v for seconds",
	NotATime:        "is %v, which is not a length of time: write one such as 500ms, 5s or 1m",
	TimeTooShort:    "is %v, which is too short: write 100ms or more",
	TimeTooLong:     "is %v, which is too long: write 1h or less",
	NotParts:        "is %v, which is not a number of parts: write a whole number, or 0 for no limit",
	NotAnAmount:     "is %v, which is not an amount: write a number in the unit of the panel's credit, or 0 for no warning",
	SeveralPrefixes: "holds %v, which may be one prefix or several: write commas between them",
	NotAPrefix:      "holds %v, but no number begins with it: write +98 for a whole country, 0912 or +98912 for a part of it",
	NotPartSizes:    "is %v: write 160/153,70/67, the characters in an SMS of one part and in each of several parts, of Latin text, then of all other",
	UnevenPartSizes: "holds %v: each of several parts holds at least 10 characters and no more than a single part",
	NotALanguage:    "is %v, which the bot does not speak: write one of %v, or leave it out",
	NotDays:         "is %v, which is not a number of days: write a whole number from 1 to 36500",
	NotAZone:        "is %v, which is not a time zone: write one such as Asia/Tehran, Europe/Berlin or UTC",
	NotQuiet:        "is %v: write the hours of each day in which recipients should be left in peace, such as 22:00-8:00",
	NoLint:          "names a file that cannot be read: %v",
	NotLint:         "names a file that is no list: %v; write CSV with the columns word, kind, why, source",
	NotWords:        "holds no word (%v): give words with commas between them, such as 11,stop",
	BothWays:        "has %v, which stands in %v, too: a word can mean one of them",
	NotHours:        "has %v, which I cannot read, or which is said twice: write hours such as 'Sat-Wed 8:00-17:00'",
	NotPerHour:      "is %v: write how many away texts may go out in an hour, from 1 to 1000; to send none leave AWAY_TEXT out",
	SandboxAlone:    "is for the sandbox alone, on loopback: leave it out",
	AwayNoHours:     "is set, but without HOURS you are always there: write when you work into HOURS, or leave AWAY_TEXT out",
	NotAReminder:    "is %v: write a length of time from 10s to 720h, such as 15m, or 0 for none",
	NotALevel:       "is %v: write debug, info, warn or error",
	NotAFormat:      "is %v: write text or json",
	NotToListenAt: "is %v, which is not an address to listen on: write a port such as 9383 to be reachable only from this machine, " +
		"or HOST:PORT such as 0.0.0.0:9383 to be heard by others",

	CheckAway:      "AWAY_TEXT takes %v parts: each customer who gets it costs that many SMS.",
	CheckSettings:  "settings: all are there and can be read.",
	CheckSetting:   "settings: %v",
	CheckPanel:     "panel: %v",
	CheckListen:    "health: the bridge can listen at %v (HTTP_ADDR).",
	CheckListens:   "health: a bridge answers at %v (HTTP_ADDR).",
	CheckTaken:     "health: another program uses %v: put another address into HTTP_ADDR, or stop that program. The bridge does not start like this.",
	ClusterServer:  "etcd: %v answers: version %v, %v MB of %v MB, in %v ms.",
	ClusterSilent:  "etcd: %v, which %v names, does not answer.",
	ClusterOld:     "etcd: %v is version %v: peyk needs 3.4 or later.",
	ClusterFull:    "etcd: %v uses %v MB of %v MB (%v): compact and defragment it, then disarm its alarm. When it is full nothing is fetched or sent.",
	ClusterClock:   "etcd: the clock of %v is %v seconds off ours: nothing depends on it here, but set both by NTP.",
	ClusterFew:     "etcd: with %v servers none may fail: three go on without any one of them.",
	ClusterLeads:   "cluster: %v leads.",
	ClusterVacant:  "cluster: nobody leads: no bridge of this CLUSTER_NAME runs.",
	ClusterFollows: "cluster: %v follows, %v entries behind when it was last heard of.",
	ClusterLost:    "cluster: nothing was heard of %v since %v.",
	ClusterDiffers: "cluster: the settings of %v differ from these: all but the machine's own must be the same.",
	ClusterVersion: "cluster: %v is version %v, this is %v.",

	CheckNoListen: "health: nobody can listen at %v: put a port, or an address of this machine, into HTTP_ADDR. The bridge does not start like this.",
	QuickOff:      "HTTP_ADDR is off, so the bridge cannot be asked: set it, for example to 9383, and restart the bridge",
	QuickAlive:    "bridge: alive",
	QuickSilent:   "bridge: does not answer: %v",
	QuickIll:      "bridge: http status %v: %v",

	AskLanguage: "Language",
	AskChange:   "%v already exists. Change it? Settings that are not asked for stay as they are.",
	AskToken:    "Token",
	AskProxy:    "If Telegram needs a proxy here, its address, such as socks5://HOST:PORT; otherwise press Enter",
	AskURL:      "Address of the web service",
	AskUser:     "User name",
	AskPassword: "Password",
	AskPanel:    "Kind of panel (%v)",
	AskKey:      "API key",
	AskLines:    "Lines",
	AskCluster:  "Addresses of etcd; for one machine press Enter",
	AskKeep:     "Keep it anyway?",
	Hidden:      "%v, hidden: ",
	HiddenKept:  "%v, hidden [Enter keeps the current one]: ",
	Kept:        "%v [%v]: ",
	YesOrNo:     "%v [y/N]",
	Yes:         "y",

	SetupBot:         "The bot. On Telegram, send /newbot to @BotFather to make one; you get a token for it.",
	SetupPanel:       "The panel. Your SMS provider gives you what is asked for; the address of a SOAP panel is often http://HOST/class/sms/webservice3/server.php?wsdl, that of its REST sibling http://HOST/class/sms/restful",
	SetupLines:       "Your lines: your numbers at the panel, separated by commas, the one to send from first.",
	SetupCluster:     "Two or more machines that take turns (doc/cluster.md): the addresses of the etcd that they share, separated by commas, such as http://10.0.0.1:2379.",
	Required:         "It is required.",
	WrongAnswer:      "It %v",
	FromEnvironment:  "%v comes from the environment.",
	FixEnvironment:   "it comes from the environment: correct it there, then run peyk setup again. Nothing was written",
	Unquotable:       "It contains quotes that %v cannot hold: put it into a file of its own, write that file's path there as %v='…', and run peyk setup again.",
	Unwritable:       "%v cannot be written into this %v: write it there yourself",
	Unchanged:        "nothing was changed",
	Interrupted:      "interrupted: nothing was written",
	InputEnded:       "the input ended before the last question: nothing was written",
	NoFileHere:       "no file can be made in %v: choose a directory that you can write to: %v",
	NotWritten:       "%v cannot be written: %v",
	Written:          "%v is written. Only its user can read it.",
	WrittenSecret:    "%v holds %v, and nothing else.",
	FixBefore:        "Before you start, fix these settings:",
	Note:             "note: %v",
	NextSteps:        "Next steps:",
	NextStart:        "Start it: run peyk here. peyk check says at any time whether all is well.",
	NextStartService: "Start it: systemctl restart peyk, or docker compose up -d. Its log: journalctl -u peyk, or docker compose logs.",
	NextOwner:        "Its log shows a link: open it before anybody else does, and you are the bot's owner.",
	NextGroup:        "Add %v to your team's group and press [Show SMS here].",
	TheBot:           "the bot",
}
