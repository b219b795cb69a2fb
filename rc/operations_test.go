package rc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cordboard/cordboard/rc/directory"
	"github.com/cordboard/cordboard/rc/telephony"
)

func TestOperations(t *testing.T) {
	const (
		party   = `{"id":"p-1-2","owner":{"accountId":"7","extensionId":"8"},"status":{"code":"Hold"}}`
		account = "/restapi/v1.0/account/~"
		part    = account + "/telephony/sessions/s-1/parties/p-1-2"
		route   = account + "/telephony/sessions/{session}/parties/{party}"
	)
	held := telephony.Party{ID: "p-1-2", AccountID: "7", ExtensionID: "8", Status: telephony.Status{Code: telephony.Hold, Word: "Hold"}}
	tests := []struct {
		name    string
		act     func(context.Context, *Caller) (any, error)
		request string // method, path?query, body
		status  int
		answer  string
		want    any
		route   string
		group   UsageGroup
	}{
		{
			name:    "me",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.Me(ctx) },
			request: "GET " + account + "/extension/~ ",
			answer:  `{"id":8,"extensionNumber":"102","name":"Jude","type":"User","status":"Enabled","account":{"id":"7"}}`,
			want:    Extension{ID: "8", Number: "102", Name: "Jude", AccountID: "7", Type: "User", Status: "Enabled"},
			route:   account + "/extension/~", group: Light,
		},
		{
			name:    "presence",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.Presence(ctx, "~") },
			request: "GET " + account + "/extension/~/presence?detailedTelephonyState=true ",
			answer:  `{"extension":{"id":8,"extensionNumber":"102"},"telephonyStatus":"NoCall"}`,
			want:    telephony.Presence{ExtensionID: "8", ExtensionNumber: "102", TelephonyStatus: "NoCall"},
			route:   account + "/extension/{extension}/presence", group: Light,
		},
		{
			name:    "session",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.Session(ctx, "s-1") },
			request: "GET " + account + "/telephony/sessions/s-1 ",
			answer:  `{"id":"s-1","origin":{"type":"Call"},"parties":[` + party + `]}`,
			want:    telephony.Session{ID: "s-1", Origin: "Call", Parties: []telephony.Party{held}},
			route:   account + "/telephony/sessions/{session}", group: Light,
		},
		{
			name:    "hold",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.Hold(ctx, "s-1", "p-1-2") },
			request: "POST " + part + "/hold ", answer: party, want: held,
			route: account + "/telephony/sessions/{session}/parties/{party}/hold", group: Light,
		},
		{
			name:    "unhold",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.Unhold(ctx, "s-1", "p-1-2") },
			request: "POST " + part + "/unhold ", answer: party, want: held,
			route: account + "/telephony/sessions/{session}/parties/{party}/unhold", group: Light,
		},
		{
			name: "bridge",
			act: func(ctx context.Context, p *Caller) (any, error) {
				return p.Bridge(ctx, "s-1", "p-1-2", "s-2", "p-2-1")
			},
			request: "POST " + part + `/bridge {"telephonySessionId":"s-2","partyId":"p-2-1"}`, answer: party, want: held,
			route: account + "/telephony/sessions/{session}/parties/{party}/bridge", group: Light,
		},
		{
			name:    "drop",
			act:     func(ctx context.Context, p *Caller) (any, error) { return nil, p.Drop(ctx, "s-1") },
			request: "DELETE " + account + "/telephony/sessions/s-1 ", status: 204,
			route: account + "/telephony/sessions/{session}", group: Light,
		},
		{
			name:    "monitoring groups",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.MonitoringGroups(ctx, "8") },
			request: "GET " + account + "/call-monitoring-groups?memberExtensionId=8&page=1&perPage=1000 ",
			answer:  `{"records":[{"id":"g1","name":"Orders"},{"id":2,"name":"Care"}],"paging":{"page":1,"totalPages":1}}`,
			want:    []Group{{"g1", "Orders"}, {"2", "Care"}},
			route:   account + "/call-monitoring-groups", group: Medium,
		},
		{
			name:    "group members",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.GroupMembers(ctx, "g1") },
			request: "GET " + account + "/call-monitoring-groups/g1/members?page=1&perPage=1000 ",
			answer:  `{"records":[{"id":"8","extensionNumber":"102","permissions":["Monitored","Monitoring","Other"]}]}`,
			want:    []Member{{ExtensionID: "8", Number: "102", Monitoring: true, Monitored: true}},
			route:   account + "/call-monitoring-groups/{group}/members", group: Medium,
		},
		{
			name:    "mute",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.Mute(ctx, "s-1", "p-1-2", true) },
			request: "PATCH " + part + ` {"muted":true}`, answer: party, want: held, route: route, group: Light,
		},
		{
			name:    "unmute",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.Mute(ctx, "s-1", "p-1-2", false) },
			request: "PATCH " + part + ` {"muted":false}`, answer: party, want: held, route: route, group: Light,
		},
		{
			name:    "answer",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.Answer(ctx, "s-1", "p-1-2", "801") },
			request: "POST " + part + `/answer {"deviceId":"801"}`, answer: party, want: held, route: route + "/answer", group: Light,
		},
		{
			name:    "reject",
			act:     func(ctx context.Context, p *Caller) (any, error) { return nil, p.Reject(ctx, "s-1", "p-1-2") },
			request: "POST " + part + "/reject ", status: 204, route: route + "/reject", group: Light,
		},
		{
			name:    "ignore",
			act:     func(ctx context.Context, p *Caller) (any, error) { return nil, p.Ignore(ctx, "s-1", "p-1-2", "801") },
			request: "POST " + part + `/ignore {"deviceId":"801"}`, status: 204, route: route + "/ignore", group: Light,
		},
		{
			name: "forward to a number",
			act: func(ctx context.Context, p *Caller) (any, error) {
				return p.Forward(ctx, "s-1", "p-1-2", ToNumber("+16505550142"))
			},
			request: "POST " + part + `/forward {"phoneNumber":"+16505550142"}`, answer: party, want: held, route: route + "/forward", group: Light,
		},
		{
			name: "reply with a text",
			act: func(ctx context.Context, p *Caller) (any, error) {
				return p.Reply(ctx, "s-1", "p-1-2", Reply{Text: "In a minute"})
			},
			request: "POST " + part + `/reply {"replyWithText":"In a minute"}`, answer: party, want: held, route: route + "/reply", group: Light,
		},
		{
			name: "reply with a sentence and a time",
			act: func(ctx context.Context, p *Caller) (any, error) {
				return p.Reply(ctx, "s-1", "p-1-2", Reply{Pattern: &ReplyPattern{Name: WillCallYouBack, Time: 5, Unit: ReplyMinutes}})
			},
			request: "POST " + part + `/reply {"replyWithPattern":{"pattern":"WillCallYouBack","time":5,"timeUnit":"Minute"}}`,
			answer:  party, want: held, route: route + "/reply", group: Light,
		},
		{
			name: "transfer to a number",
			act: func(ctx context.Context, p *Caller) (any, error) {
				return p.Transfer(ctx, "s-1", "p-1-2", ToNumber("+16505550142"))
			},
			request: "POST " + part + `/transfer {"phoneNumber":"+16505550142"}`, answer: party, want: held, route: route + "/transfer", group: Light,
		},
		{
			name: "transfer to an extension number",
			act: func(ctx context.Context, p *Caller) (any, error) {
				return p.Transfer(ctx, "s-1", "p-1-2", ToExtension("103"))
			},
			request: "POST " + part + `/transfer {"extensionNumber":"103"}`, answer: party, want: held, route: route + "/transfer", group: Light,
		},
		{
			name: "transfer to an extension",
			act: func(ctx context.Context, p *Caller) (any, error) {
				return p.Transfer(ctx, "s-1", "p-1-2", ToExtensionID("8"))
			},
			request: "POST " + part + `/transfer {"extensionId":"8"}`, answer: party, want: held, route: route + "/transfer", group: Light,
		},
		{
			name: "transfer to a mailbox",
			act: func(ctx context.Context, p *Caller) (any, error) {
				return p.Transfer(ctx, "s-1", "p-1-2", ToVoicemail("8"))
			},
			request: "POST " + part + `/transfer {"voicemail":"8"}`, answer: party, want: held, route: route + "/transfer", group: Light,
		},
		{
			name: "transfer to a park location",
			act: func(ctx context.Context, p *Caller) (any, error) {
				return p.Transfer(ctx, "s-1", "p-1-2", ToParkLocation("77"))
			},
			request: "POST " + part + `/transfer {"parkOrbit":"77"}`, answer: party, want: held, route: route + "/transfer", group: Light,
		},
		{
			name:    "park",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.Park(ctx, "s-1", "p-1-2") },
			request: "POST " + part + "/park ", status: 201,
			answer: `{"id":"p-1-2","status":{"code":"Parked","parkData":"*801"},"park":{"id":"*801"}}`,
			want:   telephony.Party{ID: "p-1-2", ParkID: "*801", Status: telephony.Status{Code: telephony.Parked, Word: "Parked", ParkData: "*801"}},
			route:  route + "/park", group: Light,
		},
		{
			name:    "pickup",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.Pickup(ctx, "s-1", "p-1-2", "801") },
			request: "POST " + part + `/pickup {"deviceId":"801"}`, status: 201, answer: party, want: held, route: route + "/pickup", group: Light,
		},
		{
			name:    "start recording",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.StartRecording(ctx, "s-1", "p-1-2") },
			request: "POST " + part + "/recordings ", status: 201,
			answer: `{"id":77,"active":true,"mode":"OnDemand","view":"Party"}`,
			want:   telephony.Recording{ID: "77", Active: true, Mode: "OnDemand"},
			route:  route + "/recordings", group: Light,
		},
		{
			name: "pause a recording",
			act: func(ctx context.Context, p *Caller) (any, error) {
				return p.SetRecording(ctx, "s-1", "p-1-2", "77", false)
			},
			request: "PATCH " + part + `/recordings/77 {"active":false}`,
			answer:  `{"id":"77","active":false,"mode":"Automatic"}`,
			want:    telephony.Recording{ID: "77", Mode: "Automatic"},
			route:   route + "/recordings/{recording}", group: Light,
		},
		{
			name: "supervise",
			act: func(ctx context.Context, p *Caller) (any, error) {
				return p.Supervise(ctx, "s-1", Supervision{AgentID: "8", DeviceID: "801"})
			},
			request: "POST " + account + `/telephony/sessions/s-1/supervise {"mode":"Listen","agentExtensionId":"8","supervisorDeviceId":"801","autoAnswer":true}`,
			status:  201, answer: party, want: held, route: account + "/telephony/sessions/{session}/supervise", group: Light,
		},
		{
			name: "supervise a party, on a device that rings",
			act: func(ctx context.Context, p *Caller) (any, error) {
				return p.SuperviseParty(ctx, "s-1", "p-1-2", Supervision{AgentID: "8", DeviceID: "801", Ring: true})
			},
			request: "POST " + part + `/supervise {"mode":"Listen","agentExtensionId":"8","supervisorDeviceId":"801","autoAnswer":false}`,
			status:  201, answer: party, want: held, route: route + "/supervise", group: Light,
		},
		{
			name:    "call out",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.CallOut(ctx, "801", ToExtension("103")) },
			request: "POST " + account + `/telephony/call-out {"from":{"deviceId":"801"},"to":{"extensionNumber":"103"}}`, status: 201,
			answer: `{"session":{"id":"s-1","origin":{"type":"CallOut"},"parties":[` + party + `]}}`,
			want:   telephony.Session{ID: "s-1", Origin: "CallOut", Parties: []telephony.Party{held}},
			route:  account + "/telephony/call-out", group: Heavy,
		},
		{
			name:    "conference",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.Conference(ctx) },
			request: "POST " + account + "/telephony/conference {}", status: 201,
			answer: `{"session":{"id":"s-9","origin":{"type":"Conference"},"parties":[],"voiceCallToken":"conf_1"}}`,
			want:   Conference{SessionID: "s-9", Token: "conf_1"},
			route:  account + "/telephony/conference", group: Heavy,
		},
		{
			name:    "bring in",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.BringIn(ctx, "s-9", "s-1", "p-1-2") },
			request: "POST " + account + `/telephony/sessions/s-9/parties/bring-in {"sessionId":"s-1","partyId":"p-1-2"}`, status: 201,
			answer: `{"id":"p-9-2","conferenceRole":"Participant","status":{"code":"Setup"}}`,
			want:   telephony.Party{ID: "p-9-2", ConferenceRole: "Participant", Status: telephony.Status{Code: telephony.Setup, Word: "Setup"}},
			route:  account + "/telephony/sessions/{session}/parties/bring-in", group: Light,
		},
		{
			name:    "remove a party",
			act:     func(ctx context.Context, p *Caller) (any, error) { return nil, p.RemoveParty(ctx, "s-1", "p-1-2") },
			request: "DELETE " + part + " ", status: 204, route: route, group: Light,
		},
		{
			name:    "devices",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.Devices(ctx) },
			request: "GET " + account + "/extension/~/device?page=1&perPage=1000 ",
			answer:  `{"records":[{"id":801,"type":"HardPhone","name":"Desk","status":"Online"},{"id":"802","type":"OtherPhone","name":"Door","status":"Offline"}]}`,
			want:    []Device{{ID: "801", Type: "HardPhone", Name: "Desk", Online: true}, {ID: "802", Type: "OtherPhone", Name: "Door"}},
			route:   account + "/extension/~/device", group: Light,
		},
		{
			name:    "app devices",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.WebAppDevices(ctx) },
			request: "GET " + account + "/extension/~/webapp-devices ",
			answer:  `{"records":[{"id":"w-1","type":"WebPhone","name":"Chrome","status":"Online","expiresIn":60}]}`,
			want:    []Device{{ID: "w-1", Type: "WebPhone", Name: "Chrome", Online: true}},
			route:   account + "/extension/~/webapp-devices", group: Medium,
		},
		{
			name:    "phone numbers",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.PhoneNumbers(ctx) },
			request: "GET " + account + "/extension/~/phone-number?page=1&perPage=1000 ",
			answer:  `{"records":[{"id":1,"phoneNumber":"+16505550102","label":"Mine","usageType":"DirectNumber","features":["SmsSender","CallerId"]},{"phoneNumber":"+16505550100","usageType":"MainCompanyNumber"}]}`,
			want:    []PhoneNumber{{Number: "+16505550102", Label: "Mine", Usage: "DirectNumber", CallerID: true}, {Number: "+16505550100", Usage: "MainCompanyNumber"}},
			route:   account + "/extension/~/phone-number", group: Light,
		},
		{
			name:    "forwarding numbers",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.ForwardingNumbers(ctx) },
			request: "GET " + account + "/extension/~/forwarding-number?page=1&perPage=1000 ",
			answer:  `{"records":[{"id":"1","phoneNumber":"+16505550199","label":"Mobile","features":["CallFlip","CallForwarding"],"flipNumber":"2"},{"phoneNumber":"+16505550198","label":"Home","features":["CallFlip"]}]}`,
			want:    []ForwardingNumber{{Number: "+16505550199", Label: "Mobile", Forwards: true}, {Number: "+16505550198", Label: "Home"}},
			route:   account + "/extension/~/forwarding-number", group: Light,
		},
		{
			name:    "call queues",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.CallQueues(ctx, "8") },
			request: "GET " + account + "/call-queues?memberExtensionId=8&page=1&perPage=1000 ",
			answer:  `{"records":[{"id":"31","extensionNumber":"3001","name":"Orders"},{"id":32,"extensionNumber":3002,"name":"Care"}]}`,
			want:    []Queue{{"31", "3001", "Orders"}, {"32", "3002", "Care"}},
			route:   account + "/call-queues", group: Medium,
		},
		{
			name:    "queue members",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.QueueMembers(ctx, "31") },
			request: "GET " + account + "/call-queues/31/members?page=1&perPage=1000 ",
			answer:  `{"records":[{"id":8,"extensionNumber":"102"}]}`,
			want:    []QueueMember{{ExtensionID: "8", Number: "102"}},
			route:   account + "/call-queues/{queue}/members", group: Light,
		},
		{
			name:    "permitted",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.Permitted(ctx, "ReadPresenceStatus") },
			request: "GET " + account + "/extension/~/authz-profile/check?permissionId=ReadPresenceStatus ",
			answer:  `{"successful":true,"details":{}}`, want: true,
			route: account + "/extension/~/authz-profile/check", group: Light,
		},
		{
			name:    "directory",
			act:     func(ctx context.Context, p *Caller) (any, error) { return p.Directory(ctx) },
			request: "GET " + account + "/directory/entries?page=1&perPage=2000&showFederated=false ",
			answer: `{"records":[
				{"id":"8","type":"User","status":"Enabled","firstName":"Jude","lastName":"Okafor","extensionNumber":"102","department":"Care","jobTitle":"Agent","email":"jude@example.com",
				 "phoneNumbers":[{"phoneNumber":"+16505550102","usageType":"DirectNumber"},{"phoneNumber":"+16505550103","hidden":true},{}]},
				{"id":31,"type":"Department","status":"Enabled","name":"Orders","extensionNumber":3001},
				{"id":"9","type":"User","status":"Disabled","firstName":"Gone"},
				{"id":"10","type":"User","status":"Enabled","hidden":true,"firstName":"Shy"},
				{"type":"User","status":"Enabled","firstName":"Nobody"}]}`,
			want: []directory.Entry{
				{ID: "8", Type: "User", Name: "Jude Okafor", Number: "102", Department: "Care", JobTitle: "Agent", Email: "jude@example.com", Numbers: []string{"+16505550102"}},
				{ID: "31", Type: "Department", Name: "Orders", Number: "3001"},
			},
			route: account + "/directory/entries", group: Medium,
		},
		{
			name: "wstoken",
			act: func(ctx context.Context, p *Caller) (any, error) {
				w, err := p.WSToken(ctx)
				return []string{w.URI, w.Token}, err
			},
			request: "POST /restapi/oauth/wstoken ",
			answer:  `{"uri":"wss://ws.example/ws","ws_access_token":"once","expires_in":30}`,
			want:    []string{"wss://ws.example/ws", "once"},
			route:   "/restapi/oauth/wstoken", group: Auth,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var requests []string
			var seen []Observation
			c := server(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				requests = append(requests, r.Method+" "+r.URL.RequestURI()+" "+string(body))
				if r.Header.Get("Authorization") != "Bearer "+bearer || r.UserAgent() != "cordboard" {
					t.Errorf("headers %v", r.Header)
				}
				if len(body) > 0 && r.Header.Get("Content-Type") != "application/json" {
					t.Errorf("a body of type %q", r.Header.Get("Content-Type"))
				}
				w.Header().Set("Content-Type", "application/json")
				if tt.status != 0 {
					w.WriteHeader(tt.status)
				}
				_, _ = io.WriteString(w, tt.answer)
			}, func(cfg *Config) { cfg.Observe = func(o Observation) { seen = append(seen, o) } })
			got, err := tt.act(t.Context(), caller(c))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if diff := cmp.Diff([]string{tt.request}, requests); diff != "" {
				t.Errorf("on the wire, -want +got\n%s", diff)
			}
			if len(seen) != 1 || seen[0].Route != tt.route || seen[0].Group != tt.group || seen[0].Status/100 != 2 || seen[0].Duration <= 0 {
				t.Errorf("observed %+v", seen)
			}
		})
	}
}

// What cannot be sent as it is never leaves.
// answering is a client whose every request is answered without a wire.
func answering(tb testing.TB, answer func(*http.Request) (int, string)) *Client {
	tb.Helper()
	c, err := New(Config{Server: "https://platform.example", ClientID: "app", HTTP: &http.Client{
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			status, body := answer(r)
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		}),
	}})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// What goes over a socket counts for what goes over HTTP, and the other way round.
func TestATunnelledRequestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := caller(answering(t, func(*http.Request) (int, string) { return 200, `{"records":[]}` }))
		heard, err := p.Tunnel(t.Context(), Medium)
		if err != nil {
			t.Fatal(err)
		}
		heard(200, http.Header{"X-Rate-Limit-Group": {"medium"}, "X-Rate-Limit-Limit": {"3"}, "X-Rate-Limit-Remaining": {"1"}}, nil)
		if n := p.Remaining(Medium); n != 1 {
			t.Errorf("%d remain of three, one of which is another's", n)
		}
		heard, err = p.Tunnel(t.Context(), Medium)
		if err != nil {
			t.Fatal(err)
		}
		heard(0, nil, nil) // no answer
		var e *Error
		if _, err := p.Tunnel(t.Context(), Medium); !errors.As(err, &e) || !errors.Is(err, ErrHeldBack) || e.RetryAfter != 61*time.Second || !e.Unsent {
			t.Errorf("a fourth of three: %v", err)
		}
		if _, err := p.WebAppDevices(t.Context()); !errors.Is(err, ErrHeldBack) {
			t.Errorf("over HTTP: %v", err)
		}
		pass(time.Minute + time.Second)
		heard, err = p.Tunnel(t.Context(), Medium)
		if err != nil {
			t.Fatal(err)
		}
		heard(429, http.Header{"X-Rate-Limit-Group": {"medium"}, "Retry-After": {"50"}}, []byte(`{"errorCode":"CMN-301"}`))
		if _, err := p.WebAppDevices(t.Context()); !errors.As(err, &e) || e.RetryAfter != 50*time.Second {
			t.Errorf("in the penalty: %v", err)
		}
	})
}

// A directory may have more pages than a background call may ask for in a minute.
func TestAListingThatBeganWaitsForRoom(t *testing.T) {
	const all = 30
	pages := func(r *http.Request) (int, string) {
		return 200, fmt.Sprintf(`{"records":[{"id":"%s"}],"paging":{"totalPages":%d}}`, r.URL.Query().Get("page"), all)
	}
	t.Run("as long as the context lasts", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			got, err := caller(answering(t, pages)).Directory(Background(t.Context()))
			if err != nil || len(got) != all || got[all-1].ID != "30" {
				t.Errorf("%d entries, %v", len(got), err)
			}
			if d := time.Since(begin); d != 61*time.Second { // 24 of 40 at once
				t.Errorf("after %v", d)
			}
		})
	})
	t.Run("but not longer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(Background(t.Context()), time.Minute)
			defer cancel()
			begin := time.Now()
			if _, err := caller(answering(t, pages)).Directory(ctx); !errors.Is(err, ErrHeldBack) || time.Since(begin) != 0 {
				t.Errorf("%v after %v", err, time.Since(begin))
			}
		})
	})
	t.Run("nor after it was given up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(Background(t.Context()))
			time.AfterFunc(10*time.Second, cancel)
			begin := time.Now()
			if _, err := caller(answering(t, pages)).Directory(ctx); err == nil || time.Since(begin) != 10*time.Second {
				t.Errorf("%v after %v", err, time.Since(begin))
			}
		})
	})
	t.Run("and not to begin", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := caller(answering(t, pages))
			for range 24 {
				if _, err := p.WebAppDevices(Background(t.Context())); err != nil {
					t.Fatal(err)
				}
			}
			begin := time.Now()
			if _, err := p.Directory(Background(t.Context())); !errors.Is(err, ErrHeldBack) || time.Since(begin) != 0 {
				t.Errorf("%v after %v", err, time.Since(begin))
			}
		})
	})
}

func TestAListingForgivesWhatItCannotRead(t *testing.T) {
	body := `{"records":[{"id":"8","extensionNumber":"102","name":{}},7,null,"x",{"id":9,"phoneNumbers":"none","department":4}],"paging":"x"}`
	p := caller(answering(t, func(*http.Request) (int, string) { return 200, body }))
	got, err := p.Directory(t.Context())
	if diff := cmp.Diff([]directory.Entry{{ID: "8", Number: "102"}, {ID: "9"}}, got); diff != "" || err != nil {
		t.Errorf("%v, -want +got\n%s", err, diff)
	}
	for _, body = range []string{`{}`, `{"records":null}`, `{"records":{}}`} {
		var e *Error
		if got, err := p.Directory(t.Context()); !errors.As(err, &e) || e.Status != 200 || got != nil {
			t.Errorf("%s: %v, %v", body, got, err)
		}
	}
	body = `{"records":[]}`
	if got, err := p.Directory(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("nobody: %v, %v", got, err)
	}
}

// Whatever RingCentral answers, an operation ends with a value or with an *Error
// that says that it was done.
func FuzzAnswers(f *testing.F) {
	for _, s := range []string{
		`{}`, `[]`, `null`, `{"records":[{"id":1,"extensionNumber":102,"phoneNumbers":[{"phoneNumber":7}],"features":["CallerId"]}]}`,
		`{"session":{"id":7,"parties":[{"id":1}],"voiceCallToken":"x"}}`, `{"id":"p-1","status":{"code":"Parked"},"recordings":[{}]}`,
		`{"records":{},"paging":[],"navigation":7}`, `{"successful":"yes"}`, `{"records":[7,"x",null]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p := caller(answering(t, func(*http.Request) (int, string) { return 200, string(body) }))
		for name, act := range map[string]func(context.Context) (any, error){
			"party":      func(ctx context.Context) (any, error) { return p.Park(ctx, "s-1", "p-1") },
			"recording":  func(ctx context.Context) (any, error) { return p.StartRecording(ctx, "s-1", "p-1") },
			"conference": func(ctx context.Context) (any, error) { return p.Conference(ctx) },
			"session":    func(ctx context.Context) (any, error) { return p.CallOut(ctx, "801", ToExtension("1")) },
			"permitted":  func(ctx context.Context) (any, error) { return p.Permitted(ctx, "X") },
			"devices":    func(ctx context.Context) (any, error) { return p.WebAppDevices(ctx) },
			"numbers":    func(ctx context.Context) (any, error) { return p.PhoneNumbers(ctx) },
			"directory":  func(ctx context.Context) (any, error) { return p.Directory(ctx) },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			_, err := act(ctx)
			cancel()
			var e *Error
			if err != nil && !errors.Is(err, ErrHeldBack) && (!errors.As(err, &e) || e.Unsent) {
				t.Errorf("%s: %v", name, err)
			}
			if err == nil && !json.Valid(body) {
				t.Errorf("%s was read from %q", name, body)
			}
		}
	})
}

func TestBadArgumentsStayHere(t *testing.T) {
	c := server(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s %s arrived", r.Method, r.URL) })
	p := caller(c)
	for name, tt := range map[string]struct {
		act func(context.Context) error
		is  error
	}{
		"a bridge to no session":  {func(ctx context.Context) error { _, err := p.Bridge(ctx, "s-1", "p-1", "", "p-2"); return err }, ErrBadID},
		"a bridge to a path":      {func(ctx context.Context) error { _, err := p.Bridge(ctx, "s-1", "p-1", "s-2", "../p"); return err }, ErrBadID},
		"a transfer to nowhere":   {func(ctx context.Context) error { _, err := p.Transfer(ctx, "s-1", "p-1", Target{}); return err }, ErrBadArgument},
		"a transfer to no number": {func(ctx context.Context) error { _, err := p.Transfer(ctx, "s-1", "p-1", ToNumber("")); return err }, ErrBadArgument},
		"a forward to a park location": {func(ctx context.Context) error {
			_, err := p.Forward(ctx, "s-1", "p-1", ToParkLocation("7"))
			return err
		}, ErrBadArgument},
		"a call to a mailbox":    {func(ctx context.Context) error { _, err := p.CallOut(ctx, "801", ToVoicemail("8")); return err }, ErrBadArgument},
		"a call from no device":  {func(ctx context.Context) error { _, err := p.CallOut(ctx, "", ToExtension("103")); return err }, ErrBadID},
		"an answer on no device": {func(ctx context.Context) error { _, err := p.Answer(ctx, "s-1", "p-1", ""); return err }, ErrBadID},
		"a reply without words":  {func(ctx context.Context) error { _, err := p.Reply(ctx, "s-1", "p-1", Reply{}); return err }, ErrBadArgument},
		"a reply with two": {func(ctx context.Context) error {
			_, err := p.Reply(ctx, "s-1", "p-1", Reply{Text: "x", Pattern: &ReplyPattern{Name: OnMyWay}})
			return err
		}, ErrBadArgument},
		"a recording that is a path": {func(ctx context.Context) error { _, err := p.SetRecording(ctx, "s-1", "p-1", "7/8", true); return err }, ErrBadID},
		"listening to nobody": {func(ctx context.Context) error {
			_, err := p.Supervise(ctx, "s-1", Supervision{DeviceID: "801"})
			return err
		}, ErrBadID},
		"listening nowhere": {func(ctx context.Context) error {
			_, err := p.SuperviseParty(ctx, "s-1", "p-1", Supervision{AgentID: "8"})
			return err
		}, ErrBadID},
		"bringing in no party":           {func(ctx context.Context) error { _, err := p.BringIn(ctx, "s-9", "s-1", ""); return err }, ErrBadID},
		"removing a party of no session": {func(ctx context.Context) error { return p.RemoveParty(ctx, "", "p-1") }, ErrBadID},
		"the members of a path":          {func(ctx context.Context) error { _, err := p.QueueMembers(ctx, "31/members"); return err }, ErrBadID},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tt.act(t.Context()); !errors.Is(err, tt.is) || !Unsent(err) {
				t.Errorf("got %v, want %v", err, tt.is)
			}
		})
	}
}

func TestTargetsHideNumbers(t *testing.T) {
	for _, format := range []string{"%v", "%+v", "%s"} {
		if text := fmt.Sprintf(format, ToNumber("+16505550142")); text != "phoneNumber +…0142" {
			t.Errorf("%s prints %q", format, text)
		}
	}
	conference := Conference{SessionID: "s-9", Token: "conf_secret"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, conference); text != "conference s-9" && text != "rc.Conference{s-9}" {
			t.Errorf("%s prints %q", format, text)
		}
	}
}

func TestWhatIsGoneIsRemoved(t *testing.T) {
	status := 404
	c := server(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	for name, act := range map[string]func() error{
		"drop":           func() error { return caller(c).Drop(t.Context(), "s-1") },
		"remove a party": func() error { return caller(c).RemoveParty(t.Context(), "s-1", "p-1") },
	} {
		t.Run(name, func(t *testing.T) {
			status = 404
			if err := act(); err != nil {
				t.Error(err)
			}
			status = 403
			if err := act(); err == nil {
				t.Error("a refusal was taken for done")
			}
		})
	}
}

func TestWhichDevicesDial(t *testing.T) {
	for kind, dials := range map[string]bool{"HardPhone": true, "SoftPhone": true, "OtherPhone": false, "WebPhone": false, "WebRTC": false, "": false} {
		if got := (Device{Type: kind}).Dials(); got != dials {
			t.Errorf("%q: %v", kind, got)
		}
	}
}

// What joins or ends calls rests on reads made just before it: it is sent at once or not at all, unlike other presses.
func TestWhatRestsOnAFreshReadDoesNotWait(t *testing.T) {
	for name, tt := range map[string]struct {
		send  func(*Caller, context.Context) error
		waits bool
	}{
		"bridge": {func(p *Caller, ctx context.Context) error {
			_, err := p.Bridge(ctx, "s-1", "p-1", "s-2", "p-2")
			return err
		}, false},
		"drop": {func(p *Caller, ctx context.Context) error { return p.Drop(ctx, "s-1") }, false},
		"hold": {func(p *Caller, ctx context.Context) error { _, err := p.Hold(ctx, "s-1", "p-1"); return err }, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := caller(answering(t, func(*http.Request) (int, string) { return 200, `{"id":"p-1"}` }))
				for range 50 {
					if _, err := p.Session(t.Context(), "s-1"); err != nil {
						t.Fatal(err)
					}
				}
				pass(60 * time.Second) // a second before there is room again
				begin := time.Now()
				err := tt.send(p, t.Context())
				if tt.waits && (err != nil || time.Since(begin) != time.Second) || !tt.waits && (!errors.Is(err, ErrHeldBack) || !Unsent(err) || time.Since(begin) != 0) {
					t.Errorf("%v after %v", err, time.Since(begin))
				}
			})
		})
	}
}

// Nor does it wait for an access token that takes its time; a call that reads does.
func TestWhatRestsOnAFreshReadDoesNotWaitForItsToken(t *testing.T) {
	for name, minds := range map[string]bool{"a source that minds the time": true, "a source that does not": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				client := answering(t, func(*http.Request) (int, string) { sent++; return 200, `{"id":"p-1"}` })
				p := client.As("jude", func(ctx context.Context) (string, error) {
					if !minds {
						ctx = context.WithoutCancel(ctx)
					}
					select {
					case <-time.After(2 * time.Second):
						return "access-1", nil
					case <-ctx.Done():
						return "", ctx.Err()
					}
				})
				for name, send := range map[string]func() error{
					"bridge": func() error { _, err := p.Bridge(t.Context(), "s-1", "p-1", "s-2", "p-2"); return err },
					"drop":   func() error { return p.Drop(t.Context(), "s-1") },
				} {
					if err := send(); !Unsent(err) || !errors.Is(err, context.DeadlineExceeded) || sent != 0 {
						t.Errorf("%s: %v, %d requests", name, err, sent)
					}
				}
				if _, err := p.Hold(t.Context(), "s-1", "p-1"); err != nil || sent != 1 {
					t.Errorf("hold: %v, %d requests", err, sent)
				}
			})
		})
	}
}
