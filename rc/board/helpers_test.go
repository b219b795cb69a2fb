package board

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cordboard/cordboard/rc/telephony"
)

// The people of these tests: the owner of the board, colleagues of the same
// account, outside callers.
const (
	account   = "700100000"
	mineID    = "700102000"
	colleague = "700103000"
	another   = "700104000"

	rosa   = "+16505550142"
	victor = "+16505550177"

	customerCall = "s-1"
	consultCall  = "s-2"
)

var (
	agent = Owner{AccountID: account, ExtensionID: mineID, ExtensionNumber: "102", Name: "Jude Okafor"}
	start = time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)
)

// at is a moment, in seconds from the start of the test's story.
func at(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

func exact(seconds float64) Since   { return Since{Time: at(seconds)} }
func atLeast(seconds float64) Since { return Since{Time: at(seconds), AtLeast: true} }

func partyID(sessionID string, n int) string {
	return fmt.Sprintf("p%s-%d", strings.TrimPrefix(sessionID, "s"), n)
}

func status(code telephony.Code) telephony.Status {
	return telephony.Status{Code: code, Word: code.String()}
}

// someone is a party of an extension; "" is the outside.
func someone(sessionID string, n int, extension string, code telephony.Code) telephony.Party {
	p := telephony.Party{ID: partyID(sessionID, n), ExtensionID: extension, Direction: telephony.Inbound, Status: status(code)}
	if extension != "" {
		p.AccountID = account
	}
	if n == 1 {
		p.Direction = telephony.Outbound
	}
	return p
}

// incoming is the owner's party n of a call that came from a number.
func incoming(sessionID string, n int, from string, code telephony.Code) telephony.Party {
	p := someone(sessionID, n, mineID, code)
	p.Direction = telephony.Inbound
	p.From, p.To = telephony.Endpoint{PhoneNumber: from}, telephony.Endpoint{PhoneNumber: "102", ExtensionID: mineID}
	if len(from) <= 6 {
		p.From.ExtensionID = "7001" + from + "000"[:max(0, 5-len(from))]
	}
	return p
}

// outgoing is the owner's party 1 of a call that the owner placed to a number.
func outgoing(sessionID, to string, code telephony.Code) telephony.Party {
	p := someone(sessionID, 1, mineID, code)
	p.From, p.To = telephony.Endpoint{PhoneNumber: "102", ExtensionID: mineID}, telephony.Endpoint{PhoneNumber: to}
	return p
}

func because(p telephony.Party, reason string) telephony.Party {
	p.Status.Reason = reason
	return p
}

func toPeer(p telephony.Party, sessionID string) telephony.Party {
	p.Status.Peer = telephony.Peer{SessionID: sessionID}
	return p
}

func event(sessionID string, sequence int64, seconds float64, parties ...telephony.Party) telephony.Event {
	return telephony.Event{
		Sequence: sequence, SessionID: sessionID, At: at(seconds), Origin: "Call", Parties: parties,
		AccountID: account, ExtensionID: mineID,
	}
}

func listed(sessionID string, parties ...telephony.Party) telephony.Session {
	return telephony.Session{ID: sessionID, Origin: "Call", Parties: parties}
}

// apply folds events in the order given.
func apply(s *State, events ...telephony.Event) {
	for _, e := range events {
		s.Apply(e)
	}
}

// read applies one quiet read that was answered at once.
func read(tb testing.TB, s *State, seconds float64, answer telephony.Session) {
	tb.Helper()
	m := s.StartRead(answer.ID, at(seconds))
	if !s.FinishRead(m, answer, true, at(seconds)) {
		tb.Fatalf("a quiet read of %s was thrown away", answer.ID)
	}
}

// legOf is the leg of a session on the board of now.
func legOf(tb testing.TB, s *State, sessionID string, seconds float64) Leg {
	tb.Helper()
	l, ok := s.Board(at(seconds)).Leg(sessionID)
	if !ok {
		tb.Fatalf("no leg of %s at %v s", sessionID, seconds)
	}
	return l
}

func want[T comparable](tb testing.TB, what string, got, want T) {
	tb.Helper()
	if got != want {
		tb.Errorf("%s: got %v, want %v", what, got, want)
	}
}
