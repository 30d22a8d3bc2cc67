// Package telegram is a Telegram Bot API server for one bot, on loopback, as strict as the real one. The project's tests
// and `peyk sandbox` run the bridge against it. It is written from the Bot API, not from any client of it.
//
// There are three sides to it:
//
//   - The bot's side is HTTP: [Server] is an http.Handler that serves /bot<token>/<method> and /file/bot<token>/<path>.
//   - The people's side is Go: [Server.AddUser], [Server.AddForum], [Server.Say], [Server.Press] and their kin do what a
//     person with a Telegram client does, and [Server.Messages], [Server.WaitMessage] and [Server.Watch] show what a
//     person sees. [Server.Control] is the same over HTTP, for curl and for the sandbox's page.
//   - The tester's side breaks things: [Server.Arm], [Server.SetDown], [Server.OnCall], [Server.Redeliver],
//     [Server.RawUpdate].
//
// A world begins empty. A test of the bridge usually begins so:
//
//	tg := telegram.New(telegram.Options{})
//	defer tg.Close()
//	web := httptest.NewServer(tg) // the bridge's TELEGRAM_API_URL; its token is tg.Token()
//	team := tg.AddTeam()
//	id, err := tg.Say(telegram.Post{Chat: team.Group, From: team.Ali, Text: "/help"})
//	answer, err := tg.WaitMessage(ctx, team.Group, func(m telegram.Message) bool { return m.FromBot && m.ReplyTo == id })
//
// Package sandboxtest does so, together with a panel.
//
// Everything is safe for concurrent use. All state is in memory and behind one mutex; no callback of a test is ever
// called with it held. A call costs the same whether a chat has ten messages or a million.
package telegram
