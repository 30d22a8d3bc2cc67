package telegram

// Team is whom the sandbox and the tests of the bridge begin with.
type Team struct {
	Sara, Ali, Omid int64 // to the bridge an admin, an agent and a stranger
	Group           int64 // their supergroup, named Support; the bot is an ordinary member
}

// AddTeam adds a team. None of them has written to the bot yet.
func (s *Server) AddTeam() Team {
	t := Team{
		Sara: s.AddUser(User{FirstName: "Sara", Username: "sara"}).ID,
		Ali:  s.AddUser(User{FirstName: "Ali", Username: "ali"}).ID,
		Omid: s.AddUser(User{FirstName: "Omid", Username: "omid"}).ID,
	}
	t.Group = s.AddSupergroup("Support", t.Sara, t.Ali, t.Omid, s.bot.ID)
	return t
}
