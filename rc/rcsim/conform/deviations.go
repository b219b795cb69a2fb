package conform

import (
	"slices"
	"strings"
)

// deviation is a difference between RingCentral and its document, or in what a client is known to send.
type deviation struct {
	name   string
	reason string

	// What it excuses; an empty field means any.
	operations []string
	side       side
	status     []int
	kind       kind
	at         []string // paths; one that begins with * is any path that ends so
	says       []string // parts of the finding's detail
	fault      bool     // only what a fault made
}

// deviations are all that is let pass, each with its reason. Section numbers are those of the project's sheet of
// RingCentral facts. One that nothing shows any more fails the report: remove it.
var deviations = []deviation{
	// What a test makes.
	{
		name: "faults", side: answer, fault: true, at: []string{"", "errors"},
		reason: "a test chose the status, and may have written the body",
	},

	// What the document gets wrong.
	{
		name: "WebSocket delivery", side: request, operations: []string{"createSubscription"},
		at:     []string{"deliveryMode.transportType", "deliveryMode.address"},
		reason: "the document's request lists WebHook delivery only, its answer WebSocket too; the guide and every client ask for WebSocket (10.3)",
	},
	{
		name: "delivery mode in an update", side: request, operations: []string{"updateSubscription"}, kind: unknownProperty, at: []string{"deliveryMode"},
		reason: "official clients update with the body that they created with (10.3)",
	},
	{
		name: "long subscription ids", side: request, kind: badParameter, at: []string{"subscriptionId"},
		reason: "the document allows 20 characters; every recorded id is a UUID (10.3)",
	},
	{
		name: "flat mute", side: request, operations: []string{"updateCallParty"}, kind: unknownProperty, at: []string{"muted", "standAlone"},
		reason: "the document wraps it in party; the guide and the official client send it flat, and both are taken (4)",
	},
	{
		name: "brandId of a recording", side: request, operations: []string{"pauseResumeCallRecording"}, kind: unknownParameter, at: []string{"brandId"},
		reason: "an older document required it in the query, the official client never sends it; it is taken and not needed",
	},
	{
		name: "public endpoints", side: request, operations: []string{"authorize", "authorize2", "readAPIVersions", "readOpenIdConfiguration"}, kind: badCredentials,
		reason: "the document's OAuth requirement is global and not lifted where nobody can have a token yet",
	},
	{
		name: "directory error codes", side: answer, operations: []string{"listDirectoryEntries", "readDirectoryEntry", "searchDirectoryEntries"},
		kind: badValue, at: []string{"errors[].errorCode"},
		reason: "the document's enumeration holds Java objects as text (ErrorCode{code=…}) instead of codes",
	},
	{
		name: "directory refusals", side: answer, operations: []string{"listDirectoryEntries", "readDirectoryEntry", "searchDirectoryEntries"},
		kind: unknownProperty, status: []int{403}, at: []string{"errors[].permissionName"},
		reason: "a missing permission is refused in front of every service, in the words of all of them (3); the directory's own errors lack the field",
	},
	{
		name: "page size of the directory", side: answer, operations: []string{"listDirectoryEntries"}, kind: badValue, at: []string{"paging.perPage"},
		reason: "its query allows 2000 a page, its answer says 1000 at most (9)",
	},
	{
		name: "meeting status in presence events", side: event, operations: []string{"ExtensionPresenceEvent"}, kind: unknownProperty, at: []string{"body.meetingStatus"},
		reason: "the guide's sample has it, and the document in every other presence event",
	},
	{
		name: "queue presence events", side: event, operations: []string{"CallQueuePresenceEvent"}, kind: unknownProperty, at: []string{"body.records"},
		reason: "the guide's sample has a list of members, the document one member; nothing recorded tells which",
	},

	// What official clients send.
	{
		name: "lower-case bearer", side: request, kind: badCredentials, at: []string{"bearer"},
		reason: "the official JavaScript client repeats token_type, which is bearer; schemes are case-insensitive",
	},
	{
		name: "lifetimes out of bounds", side: request, operations: []string{"getToken"}, kind: badValue, at: []string{"access_token_ttl", "refresh_token_ttl"},
		reason: "the official client asks for -1 after a 401; RingCentral clamps (2.2)",
	},
	{
		name: "login options", side: request, operations: []string{"authorize", "authorize2"},
		at:     []string{"ui_options", "localeId", "response_hint", "discovery", "display", "prompt", "brand_id", "brandId", "ui_locales", "login_hint", "nonce"},
		reason: "official clients send options that the document lacks, and absent ones as empty (2.1)",
	},
	{
		name: "large pages", side: request, kind: badParameter, at: []string{"perPage"},
		reason: "a test asks for more than the maximum, which is given instead; nothing tells what RingCentral does",
	},

	{
		name: "old names of supervision", side: request, operations: []string{"superviseCallSession"},
		at:     []string{"deviceId", "extensionNumber", "supervisorDeviceId", ""},
		reason: "the official client still sends the names before version 1.0.40, which are taken (8)",
	},
	{
		name: "conference with a body", side: request, operations: []string{"createConferenceCallSession"}, kind: badBody, says: []string{"not allowed for this request"},
		reason: "the document has none; clients that post JSON send {} (4)",
	},

	// What the platform says beside its document.
	{
		name: "discovery", side: request, kind: unknownOperation,
		operations: []string{"GET /.well-known/entry-points/initial", "GET /.well-known/entry-points/external", "GET /restapi/oauth/jwks"},
		reason:     "the document lacks these addresses; official clients read the first two, the OpenID configuration names the third (1)",
	},
	{
		name: "refusals before the operation", side: answer, kind: undeclaredStatus, status: []int{401, 403, 415, 429},
		reason: "credentials, permissions, content type and rate are looked at before any operation, and few declare it (3.1, 3.2)",
	},
	{
		name: "refusals of a parameter", side: answer, kind: undeclaredStatus, status: []int{400, 404},
		reason: "many operations declare success only, and still are asked with wrong values and for what is not there (3.2)",
	},
	{
		name: "the first error at the top", side: answer, kind: unknownProperty, status: []int{400, 401, 403, 404, 409, 415, 429, 500, 501, 503},
		at:     []string{"errorCode", "message", "parameterName", "parameterValue", "permissionName", "operation", "state"},
		reason: "live answers repeat the first error and its extras at the top level (3)",
	},
	{
		name: "OAuth error description", side: answer, operations: []string{"getToken", "revokeToken", "authorize", "authorize2"}, kind: unknownProperty, at: []string{"error_description"},
		reason: "seen in answers of the platform (2.5) and in RFC 6749, not in the document",
	},
	{
		name: "presence of many", side: answer, operations: []string{"readUserPresenceStatus"}, kind: undeclaredStatus, status: []int{207},
		reason: "several ids in the path are answered 207 multipart, which the document declares for unified presence only (9)",
	},
	{
		name: "old presence times", side: answer, kind: badValue, at: []string{"activeCalls[].startTime"},
		reason: "recorded presence writes +0000, which the document's date-time does not allow; an option of the simulator (3)",
	},
	{
		name: "brand of a party", side: answer, kind: unknownProperty, at: []string{"brandId", "*parties[].brandId"},
		reason: "recorded REST parties carry it (6.3)",
	},
	{
		name: "device of a caller in events", side: event, kind: unknownProperty, at: []string{"body.parties[].from.deviceId", "body.parties[].to.deviceId"},
		reason: "recorded events carry it (6.3)",
	},
	{
		name: "reasons of a conference", kind: badValue, at: []string{"*status.reason"}, says: []string{"Conference is not", "Undefined is not"},
		reason: "Conference and Undefined were seen live and are not in the document's enumeration (6.4)",
	},
	{
		name: "spelling of srvLvl", side: event, kind: unknownProperty, at: []string{"body.parties[].status.mobilePickupData.srvLvl"},
		reason: "recorded events spell it so, the document srvlvl (6.4)",
	},
	{
		name: "owner of a presence subscription", side: event, kind: unknownProperty, at: []string{"ownerId"},
		reason: "recorded presence notifications carry it in the envelope (6.3)",
	},

	// What is the simulator's own.
	{
		name: "sign-in page", operations: []string{"authorize", "authorize2"}, side: answer, status: []int{200, 400},
		reason: "RingCentral redirects to its login site, which no document describes; the simulator shows a page in its place",
	},
	{
		name: "sign-in form", side: request, operations: []string{"authorize2"}, kind: unknownProperty, at: []string{"decision", "find", "user"},
		reason: "the fields of the simulator's sign-in page",
	},
}

// excuse is the name of the deviation that a finding is.
func excuse(f finding) (string, bool) {
	i := slices.IndexFunc(deviations, func(d deviation) bool { return d.covers(f) })
	if i < 0 {
		return "", false
	}
	return deviations[i].name, true
}

func (d deviation) covers(f finding) bool {
	return (d.operations == nil || slices.Contains(d.operations, f.operation)) &&
		(d.side == "" || d.side == f.side) &&
		(d.status == nil || slices.Contains(d.status, f.status)) &&
		(d.kind == "" || d.kind == f.kind) &&
		(d.at == nil || slices.ContainsFunc(d.at, func(p string) bool { return matches(p, f.at) })) &&
		(d.says == nil || slices.ContainsFunc(d.says, func(p string) bool { return strings.Contains(f.detail, p) })) &&
		(!d.fault || f.fault)
}

func matches(pattern, at string) bool {
	end, cut := strings.CutPrefix(pattern, "*")
	return pattern == at || cut && strings.HasSuffix(at, end)
}
