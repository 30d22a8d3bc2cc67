// Package browser tests the sandbox's page in a real Chromium, in front of the real bridge. It has no other code.
//
// PEYK_SCREENSHOTS=DIR go test ./sandbox/browser leaves pictures of what the tests saw in DIR. Two of them are those of the README:
// TestTheGuideLeadsThroughWhatReallyHappens-pinned.png is doc/sandbox.png, TestPersianOnATelephone-telegram.png doc/sandbox-fa.png.
package browser
