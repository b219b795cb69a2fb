package conform

// operations are those that have to be checked in both directions: what Cordboard's client calls and what the simulator
// models, by the document's operationId.
var operations = []string{
	// OAuth
	"authorize", "authorize2", "getToken", "revokeToken", "authWsToken",
	// call control
	"readCallSessionStatus", "deleteCallSession", "readCallPartyStatus", "updateCallParty", "deleteCallParty",
	"holdCallParty", "unholdCallParty", "answerCallParty", "rejectParty",
	"bridgeCallParty",

	// people, presence, devices, queues
	"readAPIVersions", "readAccountInfo", "readExtension", "listExtensions", "listDirectoryEntries",
	"readUserPresenceStatus", "readAccountPresence", "listExtensionDevices",
	"listCallMonitoringGroups", "listCallMonitoringGroupMembers",

	// the gateway
	"createSubscription", "readSubscription", "updateSubscription", "deleteSubscription",
}

// events are the notifications that have to be checked, by their schema in the document.
var events = []string{
	"ExtensionTelephonySessionsEvent", "AccountTelephonySessionsEvent",
	"ExtensionPresenceEvent", "DetailedExtensionPresenceEvent", "DetailedExtensionPresenceWithSIPEvent",
}
