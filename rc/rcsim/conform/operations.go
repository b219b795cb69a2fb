package conform

// ofClient are the operations that Cordboard's client calls, by the document's operationId. A test holds this list and
// the client's comments together.
var ofClient = []string{
	// OAuth and the gateway
	"getToken", "revokeToken", "authWsToken", "createSubscription", "updateSubscription",
	// call control
	"readCallSessionStatus", "deleteCallSession", "updateCallParty", "deleteCallParty", "holdCallParty", "unholdCallParty",
	"answerCallParty", "rejectParty", "ignoreCallInQueue", "forwardCallParty", "replyParty", "transferCallParty", "bridgeCallParty",
	"callParkParty", "pickupCallParty", "startCallRecording", "pauseResumeCallRecording", "superviseCallSession", "superviseCallParty",
	"createCallPartyWithBringIn", "createCallOutCallSession", "createConferenceCallSession",
	// people, presence, devices, queues
	"readExtension", "listDirectoryEntries", "readUserPresenceStatus", "listExtensionDevices", "listWebAppDevices",
	"listCallQueues", "listCallQueueMembers", "listCallMonitoringGroups", "listCallMonitoringGroupMembers",
	"listForwardingNumbers", "listExtensionPhoneNumbers", "checkUserPermission",
}

// ofOthers are what the simulator models beside that, for people's browsers and for other clients.
var ofOthers = []string{
	"authorize", "authorize2", "readOpenIdConfiguration", "authUserInfo", "readAPIVersions", "readAccountInfo", "listExtensions",
	"readCallPartyStatus", "callFlipParty", "readCallFlipSettings",
	"createRingOutCall", "readRingOutCallStatus", "deleteRingOutCall", "listExtensionActiveCalls", "listCompanyActiveCalls",
	"readDirectoryEntry", "searchDirectoryEntries", "readAccountPresence", "updateUserPresenceStatus", "readUnifiedPresence",
	"updateUnifiedPresence", "readCallQueueInfo", "readCallQueuePresence", "updateCallQueuePresence",
	"readExtensionCallQueuePresence", "updateExtensionCallQueuePresence",
	"listSubscriptions", "readSubscription", "renewSubscription", "deleteSubscription",
}

// events are the notifications that the simulator sends, by their schema in the document.
var events = []string{
	"ExtensionTelephonySessionsEvent", "AccountTelephonySessionsEvent", "CallQueuePresenceEvent",
	"ExtensionPresenceEvent", "DetailedExtensionPresenceEvent", "DetailedExtensionPresenceWithSIPEvent",
}
