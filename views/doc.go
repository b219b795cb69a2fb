// Package views makes pages and fragments out of values. It does no I/O but
// writing to the writer it is given, reads no clock (now is an argument
// everywhere) and holds the only catalogue of sentences (words.go): below it
// reasons, notices and problems are codes with arguments.
//
// # Pages
//
// Components render with Render(ctx, w):
//
//	DeskPage(NewDesk(snapshot, now, options))
//	TeamPage(NewTeam(team, now, options))
//	SignIn(returnTo, options), SignedOut(everywhere, options)
//	ErrorPage(problem, signedIn, options), DeniedPage(denied, options)
//
// # Streams
//
// A stream handler keeps the model that it sent last and renders the regions
// that differ; the first message is made with a nil prev and carries them all:
//
//	next := NewDesk(snapshot, now, options)
//	u := DeskUpdate(prev, next) // or TeamUpdate
//	if !u.Empty() { u.Render(ctx, w) } // one unnamed SSE message
//	prev = &next
//
// The model also changes when only time passes (the joined panel clears, the
// feed turns stale): DeskChange and TeamChange say when to make it again, and a
// handler does so at every heartbeat as well. Every 10 s a named event EventBeat
// carries Beat(feed, now). A stream ends with one of the named events EventNewer
// (a newer tab took it), EventSignedOut, EventForbidden, EventShutdown. A stream that may not
// be opened answers 401, never a page.
//
// # Actions
//
// Each is a form that posts to /desk/<action> and works without script (303
// back to /desk); htmx posts the same with HX-Request: true and takes 204, or
// any status with the body of an Update (FlashUpdate(problem)), whose partials
// are applied whatever the status. Hidden fields carry what the agent saw:
//
//	complete, back     customer_session customer_party consult_session consult_party revision
//	hold unhold hangup session party revision
//	choose             customer_session consult_session (radio buttons), party_<session>, revision
//	reread             none
//
// "Back to customer" of a customer who is alone without a pair posts unhold.
// Regions are sent only when they show something new, so the revision in a form
// is that of the snapshot that last changed that region, not the newest one.
//
// # Test ids
//
// Tests find things by data-testid, never by class:
//
//	desk      status status-word status-age owner menu nav-team signout signout-everywhere demo-band
//	          bar-region bar denied sign-in-again link-lost link-newer link-signed-out link-forbidden link-shutdown use-here
//	bays      bay-customer bay-consult (data-kind none idle reading leg empty pick; data-late "" long toolong; data-session)
//	          plate name facts clock clock-word hint answer idle-title idle-line; buttons hold unhold back hangup copy, their <button>-off reason
//	          notice (data-code = the notice's code, or transfer-<phase>)
//	joint     joint (data-kind none guide off ready stale locked steps joined unconfirmed), complete (data-ready), complete-line,
//	          complete-under, reason, guide, panel panel-title panel-line steps step (data-state), clears keep kept, verdict, flash problem unreached
//	picker    pick-customer pick-consult pick-option (data-session) pick-cannot choose
//	lists     others other-call (data-session) other-clock, notices, today today-summary today-row (data-end), keys keys-all help reread single-keys
//	live      live polite assertive tab (data-words, data-clock)
//	team      team-say wall wall-row (data-class alone toolong long waiting joined; data-stop 0..4) wall-clock wall-to wall-state
//	          people tile tile-word tile-time team-summary
//	pages     sign-in sign-in-link signed-out error (data-code) error-body back denied-page denied (data-what)
package views
