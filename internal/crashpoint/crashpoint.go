// Package crashpoint lets the crash tests end the program at a named point of a flow. Without the build tag crashpoints the calls compile
// to nothing.
//
// With the tag the environment says where: PEYK_CRASH=send.reserved:2 ends the process with SIGKILL when it reaches send.reserved for the
// second time; PEYK_CRASH_BY=panic makes it panic instead. PEYK_CRASH_SECOND=20ms makes the seconds of Telegram's limits pass faster, so
// that hundreds of kills need not wait for them. What runs in the process of its test has Watch instead.
package crashpoint
