package play

// Later is no fault: it is a version with a schema more, whose migration writes what a cluster's log has no room for in one key.
var Later = Mutant{Name: "a later version", file: "store/schema.go", edits: [][2]string{{
	`	func(t *bolt.Tx) error { return makeBuckets(t, "scheduled") },
`,
	`	func(t *bolt.Tx) error { return makeBuckets(t, "scheduled") },
	func(t *bolt.Tx) error {
		b, err := t.CreateBucket([]byte("later"))
		for i := range 3 {
			err = errors.Join(err, b.Put(u64(uint64(i)), make([]byte, 1<<20)))
		}
		return err
	},
`,
}}}

// PastFaults are those that the bridge once had, put back one at a time. Each is in doc/guarantees.md, with what finds it.
var PastFaults = []Mutant{
	{Name: "what a lost answer may have shown is not marked", file: "store/post.go", Caught: []string{"I2"}, edits: [][2]string{{
		"\t\trow.Repeated = true\n", "",
	}}},
	{Name: "how a post ends after the bridge was asked to is not noted", file: "bot/post.go", Caught: []string{"I2", "I16", "panic"}, edits: [][2]string{{
		"for ; f.inFlight > 0; f.inFlight-- { // the next", "for f.inFlight = 0; f.inFlight > 0; f.inFlight-- { // the next",
	}}},
	{Name: "that an answer was lost is not noted if the disk fails then", file: "bot/show.go", Caught: []string{"I2"}, edits: [][2]string{{
		`w.store.Persist(ctx, "note a post", func() error { return w.store.PostUncertain(p) })`, "w.store.PostUncertain(p)",
	}}},
	{Name: "when groups were posted to is noted by Telegram's clock", file: "store/chat.go", Caught: []string{"I11"}, edits: [][2]string{{
		"t.store.opts.Now().Add(time.Millisecond-1).UnixMilli()", "t.now.Add(time.Millisecond-1).UnixMilli()",
	}}},
	{Name: "a question of a group that migrates is not asked again", file: "store/outbox.go", Caught: []string{"does not come to rest", "I7"}, edits: [][2]string{{
		"if b.Undecided() || b.Waiting() {", "if b.Waiting() {",
	}}},
	{Name: "a post that moves with its group makes an empty digest", file: "store/post.go", Caught: []string{"panic"}, edits: [][2]string{{
		"if err != nil { // those behind it must not be taken for it\n", "if p = of; false {\n",
	}}},
	{Name: "what waits is asked about as late by a clock that is wrong", file: "relay/send.go", Caught: []string{"does not come to rest", "I5", "I8"}, edits: [][2]string{{
		"if len(late) > 0 && !s.store.ClockHeard() {", "if false {",
	}}},
	{Name: "losses after the first are not counted", file: "store/incident.go", Caught: []string{"I1"}, edits: [][2]string{{
		"*loss = before.join(*loss)\n", "*loss = before\n",
	}}},
	{Name: "an outage that turns into one of another kind is not told of in full", file: "store/incident.go", Caught: []string{"I1"}, edits: [][2]string{{
		"case errors.Is(err, ErrNotFound):\n\t\tloss.Open = true\n", "case errors.Is(err, ErrNotFound), err == nil && before.Kind != loss.Kind:\n\t\tloss.Open = true\n",
	}}},
	{Name: "a write that runs again takes its own loss for an earlier one", file: "store/inbound.go", Caught: []string{"I1"}, edits: [][2]string{{
		"\t\t\tagain := *incident // as in EndFetch\n\t\t\tnoted = &again\n", "\t\t\tnoted = incident\n",
	}}},
	{Name: "a lost fetch lasts no longer than to the next start", file: "store/inbound.go", edits: [][2]string{{
		"late := begun.Add(FetchLimit); late.After(to)", "late := to; late.After(to)",
	}}, Unseen: "a slow panel hands SMS out before it is slow: `store/inbound_test.go`"},
	{Name: "a restart forgets what groups were sent", file: "bot/pace.go", Caught: []string{"I11"}, edits: [][2]string{{
		"p.chat(c.ID).sent = append(p.chat(c.ID).sent, past(time.UnixMilli(at)))", "_ = at",
	}}},
	{Name: "a restart forgets a message whose answer was lost", file: "store/post.go", Caught: []string{"I11"}, edits: [][2]string{{
		"if err := t.countPost(p.Chat); err != nil || p.Kind", "if err := error(nil); err != nil || p.Kind",
	}}},
	{Name: "a restart forgets a topic whose making was not answered", file: "bot/topic.go", Caught: []string{"I11"}, edits: [][2]string{{
		"return w.store.TopicUncertain(chat)", "return nil",
	}}},
	{Name: "a restart forgets such a topic of a linked customer", file: "bot/topic.go", edits: [][2]string{{
		"id, icon, err := w.makeTopic(ctx, bound.Chat, title)\n", "icon := store.NoIcon\n\tid, err := w.tg.MakeTopic(ctx, bound.Chat, title, \"\")\n",
	}}, Unseen: "nobody links customers there: `bridge/topic_test.go`"},
	{Name: "a restart forgets the patience that Telegram asked for", file: "bot/pace.go", Caught: []string{"I11"}, edits: [][2]string{{
		"if store.PutOff(c.Held, storeNow, telegram.MaxPatience+time.Second) {", "if store.PutOff(c.Held, storeNow, -telegram.MaxPatience) {",
	}}},
	{Name: "a restart lets no second pass", file: "bot/pace.go", Caught: []string{"I11"}, edits: [][2]string{{
		"p.previousEnd.Add(p.second)}", "p.previousEnd}",
	}}},
	{Name: "times of posts are cut to milliseconds", file: "store/chat.go", edits: [][2]string{{
		"t.store.opts.Now().Add(time.Millisecond-1).UnixMilli()", "t.store.opts.Now().UnixMilli()",
	}}, Unseen: "an answer is on its way for longer than that: `store/post_test.go`"},
	{Name: "new topics are not counted", file: "bot/topic.go", Caught: []string{"I11"}, edits: [][2]string{{
		"\tif !failed {\n\t\tw.pace.topicArrived(chat, time.Now())\n", "\tif !failed {\n",
	}}},
	{Name: "edits are not counted", file: "bot/show.go", Caught: []string{"I11"}, edits: [][2]string{{
		"\t\tw.arrived(o.Chat, err)\n", "\t\tif o.Edit == 0 {\n\t\t\tw.arrived(o.Chat, err)\n\t\t}\n",
	}}},
	{Name: "an end that gives up a write is one in order", file: "store/store.go", Caught: []string{"I2"}, edits: [][2]string{{
		"if s.unclean.Load() || s.Unsaved() > 0 {", "if s.unclean.Load() {",
	}}},
	{Name: "of a digest that is parted only the first SMS says that it may be a repeat", file: "store/post.go", edits: [][2]string{{
		"next.Repeated = next.Repeated || row.Repeated", "next.Repeated = next.Repeated || i == 0 && row.Repeated",
	}}, Unseen: "Telegram refuses no post there: `bridge/pace_test.go`"},
	{Name: "the longest pause is taken for one of a wrong clock", file: "relay/send.go", Caught: []string{"I16"}, edits: [][2]string{{
		"const mostPutOff = time.Minute + time.Second", "const mostPutOff = time.Minute",
	}}},
	{Name: "of all who wait for the panel one is woken", file: "relay/watch.go", Caught: []string{"does not come to rest"}, edits: [][2]string{
		{"changed: make(chan struct{})}", "changed: make(chan struct{}, 1)}"},
		{"\t\tclose(p.changed)\n\t\tp.changed = make(chan struct{})\n", "\t\tselect {\n\t\tcase p.changed <- struct{}{}:\n\t\tdefault:\n\t\t}\n"},
	}},
	{Name: "what may have been sent is called off as not sent", file: "store/decide.go", Caught: []string{"I6"}, edits: [][2]string{{
		"if p.MaybeSent {", "if p.MaybeSent && false {",
	}}},
	{Name: "what is called off while it is under way is sent later", file: "store/outbox.go", Caught: []string{"I5"}, edits: [][2]string{{
		"if row.CalledOff {", "if row.CalledOff && false {",
	}}},
	{Name: "a mark that fails once is taken for set", file: "bot/mark.go", Caught: []string{"does not come to rest", "I8"}, edits: [][2]string{{
		"\tdefault:\n\t\tfailing.failed(", "\tdefault:\n\t\tif batch, err := f.store.Batch(o.post.Batch); err == nil {\n\t\t\tf.store.Marked(o.post, batch.Mark())\n\t\t\tbreak\n\t\t}\n\t\tfailing.failed(",
	}}},
	{Name: "an outage is taken for the fault of a mark", file: "bot/mark.go", Caught: []string{"I8"}, edits: [][2]string{{
		"if failing.alone >= markTries {", "if failing.tries >= markTries && failing.alone > 0 {",
	}}},
	{Name: "a press that comes too late leaves its question open", file: "store/decide.go", Caught: []string{"I5"}, edits: [][2]string{{
		"return t.expireAll(b)", "return nil",
	}}},
	{Name: "what is written is read before it is synced", file: "store/store.go", edits: [][2]string{
		{"\ts.syncing.RLock()\n\tvar b *bolt.Tx\n", "\tvar b *bolt.Tx\n"}, {"\ts.syncing.RUnlock()\n\tif err != nil {\n\t\treturn err\n\t}\n\tdefer", "\tif err != nil {\n\t\treturn err\n\t}\n\tdefer"},
	}, Unseen: "no loss of power falls between a write and its sync there; in `crash` one of 10,000 did, on a disk"},
	{Name: "a commit whose last sync fails is not stored", file: "store/store.go", Call: "fdatasync", Caught: []string{"I1", "neither goes on nor ends", "does not come to rest", "I5", "I6", "I8"}, edits: [][2]string{{
		"if last.ID() >= id {", "if last.ID() >= id && false {",
	}}},
	{Name: "an order of which all are left out is told by no mark", file: "store/mark.go", edits: [][2]string{{
		"b.trouble()+b.Withheld+b.Found", "b.trouble()+b.Found",
	}}, Unseen: "their groups are not busy enough for it; one of 800 kills of `crash` found it: `bridge` TestAnOrderToNobodyIsToldInABusyGroup"},
	{Name: "a digest begins behind what came in before it", file: "store/post.go", edits: [][2]string{{
		"p, err := t.first(of)", "p, err := t.waits(of)",
	}}, Unseen: "one of 1,500 kills of `crash` found it: `store` TestWhatChangedSinceItWasReadIsReadAgain"},
	{Name: "a panel that fails after two days has no report", file: "relay/delivery.go", edits: [][2]string{{
		", Unanswered: true", "",
	}}, Unseen: "it takes a world that ends the bridge for days, and three kills in a row: seed 1000090 with -killed 3; `bridge` TestAFailureAfterTwoDaysIsNoReport"},
}
