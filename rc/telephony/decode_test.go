package telephony

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// decodeSample decodes a sample by what its name says it is.
func decodeSample(name string, data []byte) (any, error) {
	switch {
	case strings.HasPrefix(name, "rest-session"):
		return DecodeSession(data)
	case strings.HasPrefix(name, "rest-party"):
		return DecodeParty(data)
	case strings.HasPrefix(name, "rest-recording"):
		return DecodeRecording(data)
	case strings.HasPrefix(name, "rest-presence"):
		return DecodePresence(data)
	}
	return DecodeNotification(data)
}

func samples(tb testing.TB) map[string][]byte {
	tb.Helper()
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil || len(paths) < 20 {
		tb.Fatalf("samples: %d, %v", len(paths), err)
	}
	all := make(map[string][]byte)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(path), ".json")] = data
	}
	return all
}

func TestSamplesDecodeToTheirGoldenForm(t *testing.T) {
	for name, data := range samples(t) {
		t.Run(name, func(t *testing.T) {
			v, err := decodeSample(name, data)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(v, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestDecodeNotification(t *testing.T) {
	all := samples(t)
	at := time.Date(2026, 3, 2, 15, 4, 5, 72e6, time.UTC)
	const (
		customer = "s-a4a0d8226a3d4z19cafe0001z1000000"
		consult  = "s-a4a0d8226a3d4z19cafe0002z2000000"
	)
	tests := map[string]func(t *testing.T, n Notification){
		"event-hold": func(t *testing.T, n Notification) {
			t.Helper()
			e := n.Event
			want(t, e.SessionID, customer)
			want(t, e.Sequence, 9)
			want(t, e.At, at)
			want(t, e.Sent, n.Sent)
			want(t, e.Notification, n.UUID)
			want(t, e.AccountID, "700100000")
			want(t, e.ExtensionID, "700102000")
			want(t, e.UnknownFields, 0)
			p := e.Parties[0]
			want(t, p.Status.Code, Hold)
			want(t, *p.StandAlone, true)
			want(t, *p.Muted, false)
			want(t, p.Direction, Inbound)
			want(t, p.From.PhoneNumber, "+16505550142")
			if p.QueueCall != nil {
				t.Error("a patch that says nothing of a queue says so")
			}
		},
		"event-gone-attended-transfer": func(t *testing.T, n Notification) {
			t.Helper()
			s := n.Event.Parties[0].Status
			want(t, s.Code, Gone)
			want(t, s.Reason, ReasonAttendedTransfer)
			want(t, s.Peer, Peer{SessionID: consult, PartyID: "p" + consult[1:] + "-1"})
		},
		"event-outside-party-account-level": func(t *testing.T, n Notification) {
			t.Helper()
			want(t, n.Event.Parties[0].AccountID, "700100000")
			want(t, n.Event.Parties[0].ExtensionID, "")
			want(t, n.Event.ExtensionID, "")
		},
		"event-queue-call": func(t *testing.T, n Notification) {
			t.Helper()
			p := n.Event.Parties[0]
			want(t, *p.QueueCall, true)
			want(t, p.QueueName, "Orders")
			want(t, p.Recordings[0], Recording{ID: "rec-1", Active: true})
		},
		"event-recording-over": func(t *testing.T, n Notification) {
			t.Helper()
			if r := n.Event.Parties[0].Recordings; r == nil || len(r) != 0 {
				t.Errorf("an empty list of recordings became %#v", r)
			}
		},
		"event-unknown-words": func(t *testing.T, n Notification) {
			t.Helper()
			p := n.Event.Parties[0]
			want(t, p.Status.Code, CodeUnknown)
			want(t, p.Status.Word, "Levitating")
			want(t, p.Status.Reason, "Undefined")
			want(t, p.Direction, DirectionUnknown)
			want(t, n.Event.UnknownFields, 2)
		},
		"event-numeric-ids": func(t *testing.T, n Notification) {
			t.Helper()
			e, p := n.Event, n.Event.Parties[0]
			want(t, n.OwnerID, "700102000")
			want(t, e.Sequence, 5)
			want(t, e.LegacyID, "31880011005")
			want(t, e.At, at)
			want(t, p.AccountID, "700100000")
			want(t, p.ExtensionID, "700102000")
			want(t, p.From.PhoneNumber, "103")
			want(t, p.Status.Code, VoiceMailScreening)
			want(t, *p.Muted, false)
		},
		"event-pn-apns-wrapper": func(t *testing.T, n Notification) {
			t.Helper()
			want(t, n.Event.SessionID, "Y3M0NDEwOTM3NzAyMjE2NjYwMDBAMTAuNjIuMjUuMTEx")
			want(t, n.Event.Parties[0].AccountID, "700100000")
			want(t, n.Event.UnknownFields, 0)
		},
		"presence-event-detailed": func(t *testing.T, n Notification) {
			t.Helper()
			p := n.Presence
			want(t, p.ExtensionID, "700102000")
			want(t, p.Sequence, 2013)
			want(t, len(p.ActiveCalls), 2)
			want(t, p.ActiveCalls[1].SessionID, customer)
			want(t, p.ActiveCalls[1].QueueCall, true)
			want(t, p.ActiveCalls[1].Started, time.Date(2026, 3, 2, 15, 3, 20, 0, time.UTC))
		},
		"presence-event-without-extension": func(t *testing.T, n Notification) {
			t.Helper()
			want(t, n.Presence.ExtensionID, "700103000")
		},
		"other-call-queue-presence": neither,
		"other-dnd":                 neither,
		"other-message-store":       neither,
		"other-extension-list":      neither,
	}
	for name, check := range tests {
		t.Run(name, func(t *testing.T) {
			n, err := DecodeNotification(all[name])
			if err != nil {
				t.Fatal(err)
			}
			check(t, n)
		})
	}
}

func neither(t *testing.T, n Notification) {
	t.Helper()
	if n.Event != nil || n.Presence != nil || n.Filter == "" {
		t.Errorf("decoded to %+v", n)
	}
}

func want[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestDecodeRESTForms(t *testing.T) {
	all := samples(t)
	s, err := DecodeSession(all["rest-session"])
	if err != nil {
		t.Fatal(err)
	}
	want(t, len(s.Parties), 2)
	want(t, s.Parties[0].AccountID, "") // an outside party has no owner
	want(t, s.Parties[1].AccountID, "700100000")
	want(t, s.Parties[1].ExtensionID, "700102000")
	want(t, *s.Parties[1].QueueCall, true)
	want(t, s.Created, time.Date(2026, 3, 2, 15, 3, 20, 0, time.UTC))

	p, err := DecodeParty(all["rest-party-bridge"])
	if err != nil {
		t.Fatal(err)
	}
	want(t, p.Status.Peer.SessionID, "s-a4a0d8226a3d4z19cafe0002z2000000")

	out, err := DecodeSession(all["rest-session-call-out"])
	if err != nil {
		t.Fatal(err)
	}
	want(t, out.Parties[0].RingOutRole, "Initiator")

	rec, err := DecodeRecording(all["rest-recording"])
	if err != nil {
		t.Fatal(err)
	}
	want(t, rec, Recording{ID: "6875000001", Active: true, Mode: "OnDemand"})

	in, err := DecodeParty(all["rest-party-bring-in"])
	if err != nil {
		t.Fatal(err)
	}
	want(t, in.ConferenceRole, "Participant")
	if in.Recordings != nil {
		t.Error("a party that says nothing of recordings says that there are none")
	}

	pr, err := DecodePresence(all["rest-presence"])
	if err != nil {
		t.Fatal(err)
	}
	want(t, pr.ExtensionID, "700102000")
	want(t, pr.ExtensionNumber, "102")
	want(t, pr.Sequence, 0)
}

func TestDecodeEventBody(t *testing.T) {
	body := member(samples(t)["event-unknown-words"], "body")
	e, err := DecodeEvent(body)
	if err != nil {
		t.Fatal(err)
	}
	want(t, e.UnknownFields, 2)
	want(t, e.Parties[0].Status.Word, "Levitating")
}

func TestTheSubscribersOwnIsNoID(t *testing.T) {
	n, err := DecodeNotification([]byte(`{"event":"/restapi/v1.0/account/~/extension/~/telephony/sessions","body":{"telephonySessionId":"s-1","parties":[{"id":"p-1"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	want(t, n.Event.AccountID, "")
	want(t, n.Event.ExtensionID, "")
	want(t, n.Event.Parties[0].AccountID, "")
}

func TestDecodeRefuses(t *testing.T) {
	session := func(b []byte) error { _, err := DecodeSession(b); return err }
	party := func(b []byte) error { _, err := DecodeParty(b); return err }
	recording := func(b []byte) error { _, err := DecodeRecording(b); return err }
	event := func(b []byte) error { _, err := DecodeEvent(b); return err }
	presence := func(b []byte) error { _, err := DecodePresence(b); return err }
	notification := func(b []byte) error { _, err := DecodeNotification(b); return err }
	tests := []struct {
		name   string
		decode func([]byte) error
		data   string
		is     error
	}{
		{"session without id", session, `{"parties":[]}`, ErrNoSession},
		{"party without id", party, `{"status":{"code":"Hold"}}`, ErrNoParty},
		{"recording without id", recording, `{"active":true}`, ErrNoRecording},
		{"recording cut short", recording, `{"id":`, nil},
		{"event without session", event, `{"sequence":3}`, ErrNoSession},
		{"notification without session", notification, `{"event":"/restapi/v1.0/account/1/telephony/sessions","body":{}}`, ErrNoSession},
		{"cut short", notification, `{"uuid":"1","body":{"parties":[`, nil},
		{"not an object", presence, `[]`, nil},
		{"nothing", session, ``, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.decode([]byte(tt.data))
			if err == nil || (tt.is != nil && !errors.Is(err, tt.is)) {
				t.Errorf("error %v, want %v", err, tt.is)
			}
		})
	}
}

func TestMistypedFieldsAreAbsent(t *testing.T) {
	e, err := DecodeEvent([]byte(`{"telephonySessionId":"s-1","sequence":{},"eventTime":"noon","origin":7,"accountId":true,
		"parties":[{"id":"p-1","status":"Hold","muted":3,"from":[],"recordings":{}},{"status":{"code":"Hold"}},{"id":"p-2","status":{"code":"hold"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want(t, e.At.IsZero(), true)
	want(t, len(e.Parties), 2)
	want(t, e.Parties[0].Status.Word, "")
	if e.Parties[0].Muted != nil {
		t.Error("a number was read as muted")
	}
	want(t, e.Parties[1].Status.Code, Hold)
}

func TestTimes(t *testing.T) {
	utc := time.Date(2026, 3, 2, 15, 4, 5, 138e6, time.UTC)
	for _, text := range []string{
		`"2026-03-02T15:04:05.138Z"`, `"2026-03-02T15:04:05.138+0000"`, `"2026-03-02T17:04:05.138+02:00"`,
		`"2026-03-02T10:04:05.138-0500"`, `1772463845138`, `"2026\u002d03-02T15:04:05.138Z"`,
	} {
		var s stamp
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		want(t, s.time(), utc)
	}
}

func TestParseCode(t *testing.T) {
	for word, code := range map[string]Code{
		"Setup": Setup, "VoiceMail": VoiceMail, "Voicemail": VoiceMail, "VMScreening": VoiceMailScreening,
		"VoiceMailScreening": VoiceMailScreening, "gone": Gone, "Unknown": CodeUnknown, "": CodeUnknown, "Alerting": CodeUnknown,
	} {
		want(t, ParseCode(word), code)
	}
	for c := Setup; c <= Tds; c++ {
		want(t, ParseCode(c.String()), c)
	}
}

func FuzzDecode(f *testing.F) {
	for name, data := range samples(f) {
		f.Add(data, strings.TrimPrefix(name, "event-"))
	}
	f.Fuzz(func(t *testing.T, data []byte, word string) {
		for _, name := range []string{"event", "rest-session", "rest-party", "rest-presence", "rest-recording"} {
			v, err := decodeSample(name, data)
			again, errAgain := decodeSample(name, bytes.Clone(data))
			if (err == nil) != (errAgain == nil) || !cmp.Equal(v, again) {
				t.Fatalf("%s decodes in two ways: %v, %v", name, v, again)
			}
			if s, ok := v.(Session); ok && err == nil && s.ID == "" {
				t.Fatal("a session without id was accepted")
			}
		}
		if _, err := DecodeEvent(data); err == nil && !json.Valid(data) {
			t.Fatal("invalid JSON was accepted")
		}
		quoted, err := json.Marshal(word)
		if err != nil {
			t.Fatal(err)
		}
		e, err := DecodeEvent(fmt.Appendf(nil, `{"telephonySessionId":"s-1",%s:1,"parties":[{"id":"p-1","status":{"code":%s,"reason":%s}}]}`,
			mustKey(t, "x-"+word), quoted, quoted))
		if err != nil {
			t.Fatal(err)
		}
		st := e.Parties[0].Status
		if !sameText(st.Word, word) || !sameText(st.Reason, word) || st.Code != ParseCode(st.Word) {
			t.Fatalf("%q became %q (%v)", word, st.Word, st.Code)
		}
		if e.UnknownFields != 1 {
			t.Fatalf("%d unknown fields", e.UnknownFields)
		}
	})
}

func mustKey(t *testing.T, key string) []byte {
	t.Helper()
	b, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sameText compares as JSON does: each invalid byte is one replacement rune.
func sameText(got, sent string) bool { return got == string([]rune(sent)) }

func BenchmarkDecodeNotification(b *testing.B) {
	all := samples(b)
	for _, name := range []string{"event-inbound-answered", "presence-event-detailed"} {
		b.Run(name, func(b *testing.B) {
			var compact bytes.Buffer
			if err := json.Compact(&compact, all[name]); err != nil {
				b.Fatal(err)
			}
			data := compact.Bytes()
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := DecodeNotification(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
