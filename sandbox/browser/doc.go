// Package browser tests the sandbox's page in a real Chromium, in front of the real bridge. It has no other code.
//
// With PEYK_SCREENSHOTS=DIR the tests leave pictures of what they saw in DIR: make screenshots.
package browser
