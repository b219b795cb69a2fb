package rcsim

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// What people do with their phones. The control API and tests call the same methods.

// dialable is an outside number as people dial it.
var dialable = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// e164 makes an outside number of what was typed; false means it is none.
func e164(text string) (string, bool) {
	n := strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", ".", "").Replace(text)
	switch {
	case len(n) == 10 && !strings.HasPrefix(n, "+"):
		n = "+1" + n
	case len(n) == 11 && strings.HasPrefix(n, "1"):
		n = "+" + n
	}
	return n, dialable.MatchString(n)
}

func noSuch(what, name string) error {
	return refuse(http.StatusNotFound, "CMN-102", "There is no "+what+" "+name)
}

// Call is an outside caller who rings an extension or a queue; it returns the session id. Without from it is the first
// outside caller of the account, without fromName what caller id shows for the number.
func (s *Server) Call(from, fromName, to string) (string, error) {
	return s.call(from, fromName, to, false)
}

// CallThroughMenu is Call by way of an IVR that answers first (7.1).
func (s *Server) CallThroughMenu(from, fromName, to string) (string, error) {
	return s.call(from, fromName, to, true)
}

func (s *Server) call(from, fromName, to string, menu bool) (string, error) {
	id := ""
	err := s.change(func() error {
		if from == "" && len(s.dir.account.Outside) > 0 {
			from = s.dir.account.Outside[0].Number
		}
		number, ok := e164(from)
		if !ok {
			return invalid("from")
		}
		name := cmp.Or(fromName, s.dir.outsiderName(number))
		t, ok := s.dir.inside(to, nil)
		if !ok {
			return noSuch("extension", to)
		}
		id = s.eng.callIn(number, name, t, menu).id
		return nil
	})
	return id, err
}

// Dial is a person who calls an extension, a queue, a park slot (*801), the main number's prompt or an outside number; it
// returns the session id.
func (s *Server) Dial(extension, to string) (string, error) {
	id := ""
	err := s.change(func() error {
		u := s.dir.byNumber[extension]
		switch {
		case u == nil:
			return noSuch("phone", extension)
		case !u.online():
			return offline()
		case to == s.dir.account.MainNumber:
			id = s.eng.dialPrompt(u, to).id
			return nil
		case strings.HasPrefix(to, "*"):
			p, err := s.pickUp(u, to)
			if err == nil {
				id = p.s.id
			}
			return err
		}
		t, ok := s.dir.reachable(to, u)
		switch {
		case !ok, t.place != nil: // a park location takes calls, it does not ring
			return noSuch("extension", to)
		case t.user == u:
			return refuse(http.StatusConflict, "TAS-102", "A phone cannot call itself")
		}
		id = s.eng.dial(u, t).id
		return nil
	})
	return id, err
}

func offline() error { return refuse(http.StatusConflict, "TAS-102", "The phone is offline") }

// named is the person and the call that a method of the phones names.
func (s *Server) named(extension, sessionID string) (*User, *session, error) {
	u, c := s.dir.byNumber[extension], s.eng.find(sessionID)
	switch {
	case u == nil:
		return nil, nil, noSuch("phone", extension)
	case c == nil:
		return nil, nil, noSuch("call", sessionID)
	}
	return u, c, nil
}

// ownCall is named where the person is, or was, in the call.
func (s *Server) ownCall(extension, sessionID string) (*User, *party, error) {
	u, c, err := s.named(extension, sessionID)
	if err != nil {
		return nil, nil, err
	}
	p := c.of(u.ID)
	if p == nil {
		return nil, nil, noSuch("call", sessionID)
	}
	return u, p, nil
}

// Join brings one more person into a call, as a supervisor who barges in by star code.
func (s *Server) Join(extension, sessionID string) error {
	return s.change(func() error {
		u, c, err := s.named(extension, sessionID)
		if err != nil {
			return err
		}
		return s.eng.join(c, u)
	})
}

// verb is something a phone can do with a call, and when. Verbs that need to know more have a method of their own.
type verb struct {
	can func(*party) bool
	do  func(*engine, *party) error
}

func phoneVerbs() map[string]verb {
	talking := (*party).established
	return map[string]verb{
		"answer":    {(*party).rings, (*engine).answer},
		"decline":   {(*party).rings, (*engine).reject},
		"voicemail": {(*party).offered, (*engine).voicemail},
		"ignore":    {func(p *party) bool { return p.queueCall && p.rings() }, (*engine).ignore},
		"forward":   {can: (*party).offered},
		"transfer":  {can: talking},
		"flip":      {can: talking},
		"switch":    {can: func(p *party) bool { return p.offered() || p.established() }},
		"park":      {can: func(p *party) bool { return p.direction == inbound && p.established() }},
		"record":    {can: talking},
		"hold":      {func(p *party) bool { return p.connected() && !p.deviceHold }, func(e *engine, p *party) error { return e.hold(p, false) }},
		"unhold":    {func(p *party) bool { return p.deviceHold }, func(e *engine, p *party) error { return e.unhold(p, false) }},
		"mute":      {func(p *party) bool { return p.connected() && !p.muted }, func(e *engine, p *party) error { return e.mute(p, true) }},
		"unmute":    {func(p *party) bool { return p.connected() && p.muted }, func(e *engine, p *party) error { return e.mute(p, false) }},
		"hangup":    {(*party).alive, (*engine).hangup},
	}
}

// choose finds the party that is meant: by session id, else the only one that the verb fits, else the only one.
func (s *Server) choose(mine []*party, of func(*session) *party, sessionID string, v verb) (*party, error) {
	if sessionID != "" {
		c := s.eng.find(sessionID)
		if c == nil {
			return nil, noSuch("call", sessionID)
		}
		p := of(c)
		if p == nil {
			return nil, noSuch("such party in call", sessionID)
		}
		return p, nil
	}
	var fit []*party
	for _, p := range mine {
		if v.can(p) {
			fit = append(fit, p)
		}
	}
	switch {
	case len(mine) == 0:
		return nil, refuse(http.StatusNotFound, "CMN-102", "There is no call on this phone")
	case len(fit) == 1:
		return fit[0], nil
	case len(mine) == 1:
		return mine[0], nil
	case len(fit) == 0:
		return nil, refuse(http.StatusConflict, "TAS-102", "No call on this phone allows it")
	default:
		return nil, refuse(http.StatusConflict, "TAS-102", "More than one call on this phone allows it: say which (telephonySessionId)")
	}
}

// Phone does a verb (answer, decline, voicemail, ignore, hold, unhold, mute, unmute, hangup) on a person's phone; the session
// id may be empty when only one call is meant.
func (s *Server) Phone(extension, name, sessionID string) error {
	do := phoneVerbs()[name].do
	if do == nil {
		return noSuch("verb", name)
	}
	return s.onCall(extension, name, sessionID, func(p *party) error { return do(s.eng, p) })
}

// onCall does something with the call on a person's phone that is meant: the only one that the verb fits, when no session is
// named.
func (s *Server) onCall(extension, name, sessionID string, do func(*party) error) error {
	v := phoneVerbs()[name]
	return s.change(func() error {
		u := s.dir.byNumber[extension]
		if u == nil {
			return noSuch("phone", extension)
		}
		p, err := s.choose(s.eng.onPhone(u.ID), func(c *session) *party { return c.onPhone(u.ID) }, sessionID, v)
		if err != nil {
			return err
		}
		return do(p)
	})
}

// Outside does answer, decline or hangup for somebody outside.
func (s *Server) Outside(number, name, sessionID string) error {
	return s.change(func() error {
		n, ok := e164(number)
		if !ok {
			return noSuch("outside number", number)
		}
		v, ok := phoneVerbs()[name]
		if !ok || (name != "answer" && name != "decline" && name != "hangup") {
			return noSuch("verb", name)
		}
		mine := s.eng.outsideCalls(n)
		of := func(c *session) *party { return c.newest(func(p *party) bool { return p.isOutside(n) }) }
		p, err := s.choose(mine, of, sessionID, v)
		if err != nil {
			return err
		}
		return v.do(s.eng, p)
	})
}

// Bridge joins two calls of a person as the REST operation does; the first is the path's.
func (s *Server) Bridge(extension, pathSession, bodySession string) error {
	return s.change(func() error {
		_, path, err := s.ownCall(extension, pathSession)
		if err != nil {
			return err
		}
		_, body, err := s.ownCall(extension, bodySession)
		if err != nil {
			return err
		}
		return s.eng.bridge(path, body)
	})
}

// Drop ends a call for everybody as the REST operation does.
func (s *Server) Drop(extension, sessionID string) error {
	return s.change(func() error {
		u, p, err := s.ownCall(extension, sessionID)
		if err != nil {
			return err
		}
		if !s.eng.mayDrop(p.s, u) {
			return notAllowed()
		}
		s.eng.drop(p.s, p)
		return nil
	})
}

// Answer is the phone's answer button.
func (s *Server) Answer(extension, sessionID string) error {
	return s.Phone(extension, "answer", sessionID)
}

// Decline is the phone's decline button: the caller goes to voicemail.
func (s *Server) Decline(extension, sessionID string) error {
	return s.Phone(extension, "decline", sessionID)
}

// Voicemail lets a ringing call go to the mailbox at once, as if nobody had answered.
func (s *Server) Voicemail(extension, sessionID string) error {
	return s.Phone(extension, "voicemail", sessionID)
}

// Hold is the phone's own hold; REST cannot undo it.
func (s *Server) Hold(extension, sessionID string) error {
	return s.Phone(extension, "hold", sessionID)
}

// Unhold is the phone's own unhold; it cannot undo a hold made by REST.
func (s *Server) Unhold(extension, sessionID string) error {
	return s.Phone(extension, "unhold", sessionID)
}

// Hangup is the phone's hang-up button.
func (s *Server) Hangup(extension, sessionID string) error {
	return s.Phone(extension, "hangup", sessionID)
}

// OutsideAnswer is somebody outside who answers.
func (s *Server) OutsideAnswer(number, sessionID string) error {
	return s.Outside(number, "answer", sessionID)
}

// OutsideHangup is somebody outside who hangs up.
func (s *Server) OutsideHangup(number, sessionID string) error {
	return s.Outside(number, "hangup", sessionID)
}

// SetOnline connects or disconnects all phones of a person; calls to an offline phone go to voicemail.
func (s *Server) SetOnline(extension string, online bool) error {
	return s.change(func() error {
		u := s.dir.byNumber[extension]
		if u == nil {
			return noSuch("phone", extension)
		}
		for i := range u.Devices {
			u.Devices[i].Online = online && (i == 0 || u.Devices[i].Online)
		}
		s.publishPresence(u, s.now())
		return nil
	})
}

// SetDND changes which calls a person takes, as PUT presence does: TakeAllCalls, DoNotAcceptAnyCalls,
// DoNotAcceptDepartmentCalls or TakeDepartmentCallsOnly.
func (s *Server) SetDND(extension, status string) error {
	return s.change(func() error {
		u := s.dir.byNumber[extension]
		switch {
		case u == nil:
			return noSuch("phone", extension)
		case !slices.Contains(dndStatuses(), status):
			return invalid("dndStatus")
		}
		u.set.dnd = status
		s.publishPresence(u, s.now())
		return nil
	})
}
