package ws

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/telephony"
)

// pass lets time pass in a bubble.
func pass(d time.Duration) { <-time.After(d) }

func TestSubscribes(t *testing.T) {
	var subscribed request
	inBubble(t, func(b *bench) {
		up := next[Up](b)
		if up.Recovered || up.Overflow || up.Missed != 0 || !up.At.Equal(time.Now()) {
			t.Errorf("up %+v", up)
		}
		want := []Disabled{{Filter: "/x", Reason: "NotAllowed", Message: "no"}}
		if !slices.Equal(up.Disabled, want) {
			t.Errorf("disabled %+v", up.Disabled)
		}
		n := next[Note](b)
		if n.UUID != "n-1" || n.Event == nil || n.Event.SessionID != "s-1" || n.At.IsZero() {
			t.Errorf("note %+v", n)
		}
		if subscribed.Path != "/restapi/v1.0/subscription" || !slices.Equal(subscribed.filters, []string{ownFilter}) {
			t.Errorf("request %+v", subscribed)
		}
		if b.feed.Heard().IsZero() {
			t.Error("nothing heard")
		}
		b.cancel()
		if err := <-b.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	}, nil, func(p *peer) {
		p.details(1, nil)
		subscribed = p.want("POST")
		p.answer(subscribed, 200, m{"id": "sub-1", "disabledFilters": []m{{"filter": "/x", "reason": "NotAllowed", "message": "no"}}})
		p.note("n-1", 2)
		p.linger()
	})
}

func TestNotesBeforeTheAnswerComeAfterUp(t *testing.T) {
	inBubble(t, func(b *bench) {
		next[Up](b)
		for _, want := range []string{"n-1", "n-2", "n-3"} {
			if n := next[Note](b); n.UUID != want {
				t.Errorf("got %s, want %s", n.UUID, want)
			}
		}
	}, nil, func(p *peer) {
		p.details(1, nil)
		p.note("n-1", 2)
		r := p.want("POST")
		p.note("n-2", 3)
		p.answer(r, 200, m{"id": "sub-1"})
		p.note("n-3", 4)
		p.linger()
	})
}

func TestUndecodableFramesDoNotEndTheFeed(t *testing.T) {
	inBubble(t, func(b *bench) {
		next[Up](b)
		if n := next[Note](b); n.UUID != "n-1" {
			t.Errorf("note %+v", n)
		}
		if n := b.feed.Undecoded(); n != 4 {
			t.Errorf("%d undecoded", n)
		}
	}, nil, func(p *peer) {
		p.subscribe("sub-1")
		p.send(m{"type": typeNote}, m{"event": "/account/1/telephony/sessions", "body": m{}})
		p.send(m{"type": typeNote})
		p.send()
		p.out <- []byte("nonsense")
		p.send(m{"type": "Surprise"}, m{})
		p.note("n-1", 2)
		p.linger()
	})
}

func TestAHugeFrameEndsTheSocketOnly(t *testing.T) {
	inBubble(t, func(b *bench) {
		next[Up](b)
		next[Down](b)
		next[Up](b)
	}, nil, func(p *peer) {
		p.subscribe("sub-1")
		p.send(m{"type": typeNote}, strings.Repeat("x", readLimit))
	}, func(p *peer) {
		p.subscribe("sub-2")
		p.linger()
	})
}

func TestPingsKeepItHeard(t *testing.T) {
	inBubble(t, func(b *bench) {
		next[Up](b)
		pass(10 * time.Minute)
		if age := time.Since(b.feed.Heard()); age > 20*time.Second {
			t.Errorf("heard %v ago", age)
		}
		if len(b.messages) != 0 {
			t.Errorf("%#v", <-b.messages)
		}
	}, nil, func(p *peer) {
		p.subscribe("sub-1")
		p.linger()
	})
}

func TestSilenceIsDeath(t *testing.T) {
	inBubble(t, func(b *bench) {
		next[Up](b)
		begin := time.Now()
		down := next[Down](b)
		if !errors.Is(down.Err, ErrDead) || time.Since(begin) != 45*time.Second {
			t.Errorf("%v after %v", down.Err, time.Since(begin))
		}
		if down.Try != 1 || down.Next < time.Second/2 || down.Next > time.Second {
			t.Errorf("down %+v", down)
		}
	}, nil, func(p *peer) {
		p.mute.Store(true)
		p.subscribe("sub-1")
		p.linger()
	})
}

func TestASilentGreetingIsGivenUp(t *testing.T) {
	inBubble(t, func(b *bench) {
		begin := time.Now()
		if down := next[Down](b); !errors.Is(down.Err, ErrSlow) || time.Since(begin) != 15*time.Second {
			t.Errorf("%v after %v", down.Err, time.Since(begin))
		}
	}, nil, func(p *peer) { p.linger() })
}

func TestRecovery(t *testing.T) {
	inBubble(t, func(b *bench) {
		next[Up](b)
		next[Note](b)
		next[Down](b)
		up := next[Up](b)
		if !up.Recovered || up.Overflow || up.Missed <= 0 || up.Missed > 2*time.Second {
			t.Errorf("up %+v", up)
		}
		if n := next[Note](b); n.UUID != "missed" {
			t.Errorf("note %+v", n)
		}
		if wsc := b.asked(1).Get("wsc"); wsc != "wsc-7" {
			t.Errorf("recovered with %q", wsc)
		}
		if b.asked(0).Get("access_token") == b.asked(1).Get("access_token") || b.asked(0).Has("wsc") {
			t.Error("a token was used twice, or there was something to recover at first")
		}
		synctest.Wait()
		next[Down](b)
		next[Up](b)
		if wsc := b.asked(2).Get("wsc"); wsc != "wsc-3" { // the one of the recovered session, though its sequence is lower
			t.Errorf("recovered with %q", wsc)
		}
	}, nil, func(p *peer) {
		p.subscribe("sub-1")
		p.note("n-1", 7)
		p.send(m{"type": "Other", "wsc": m{"token": "wsc-old", "sequence": 6}})
	}, func(p *peer) {
		p.details(3, m{"recoveryState": "Successful"})
		p.note("missed", 0)
	}, func(p *peer) {
		p.details(4, m{"recoveryState": "Successful"})
		p.linger()
	})
}

func TestFailedRecoverySubscribesAnew(t *testing.T) {
	inBubble(t, func(b *bench) {
		next[Up](b)
		next[Down](b)
		if up := next[Up](b); up.Recovered || up.Missed <= 0 {
			t.Errorf("up %+v", up)
		}
	}, nil, func(p *peer) { p.subscribe("sub-1") }, func(p *peer) {
		p.details(2, m{"recoveryState": "Failed", "recoveryErrorCode": "WSG-1005"})
		r := p.want("POST")
		p.answer(r, 200, m{"id": "sub-2"})
		p.linger()
	})
}

func TestTooLateForRecovery(t *testing.T) {
	inBubble(t, func(b *bench) {
		next[Up](b)
		for range 20 {
			if m, ok := (<-b.messages).(Up); ok {
				if m.Recovered || b.asked(len(b.dials)-1).Has("wsc") {
					t.Errorf("up %+v", m)
				}
				return
			}
		}
		t.Error("never up again")
	}, func(b *bench, _ *Config) {
		b.refuse = func(n int) error {
			if n == 2 {
				return &rc.Error{Status: 429, RetryAfter: 200 * time.Second}
			}
			return nil
		}
	}, func(p *peer) { p.subscribe("sub-1") }, func(p *peer) {
		p.subscribe("sub-2")
		p.linger()
	})
}

func TestOverflowIsSaidWhenTheReplayIsAsLongAsTheBuffer(t *testing.T) {
	replay := func(n int) script {
		return func(p *peer) {
			p.details(2, m{"recoveryState": "Successful", "recoveryBufferSize": 3})
			for range n {
				p.note("replayed", 0)
			}
			p.linger()
		}
	}
	overflows := func(b *bench) bool {
		next[Up](b)
		next[Down](b)
		if up := next[Up](b); up.Overflow {
			t.Error("overflow before anything was replayed")
		}
		pass(time.Minute)
		for len(b.messages) > 0 {
			if up, ok := (<-b.messages).(Up); ok {
				return up.Recovered && up.Overflow
			}
		}
		return false
	}
	inBubble(t, func(b *bench) {
		if overflows(b) {
			t.Error("overflow after two of three")
		}
	}, nil, func(p *peer) { p.subscribe("sub-1") }, replay(2))
	inBubble(t, func(b *bench) {
		if !overflows(b) {
			t.Error("no overflow after three of three")
		}
	}, nil, func(p *peer) { p.subscribe("sub-1") }, replay(3))
	inBubble(t, func(b *bench) {
		next[Up](b)
		next[Down](b)
		if up := next[Up](b); !up.Recovered || !up.Overflow {
			t.Errorf("a buffer of unknown size: %+v", up)
		}
	}, nil, func(p *peer) { p.subscribe("sub-1") }, func(p *peer) {
		p.details(2, m{"recoveryState": "Successful", "recoveryBufferSize": 0})
		p.linger()
	})
}

func TestErrorFrames(t *testing.T) {
	inBubble(t, func(b *bench) {
		next[Up](b)
		var g *GatewayError
		if down := next[Down](b); !errors.As(down.Err, &g) || g.Code != "WSG-902" {
			t.Errorf("down %v", down.Err)
		}
		if down := next[Down](b); !errors.As(down.Err, &g) || g.Code != "WSG-1" {
			t.Errorf("down %v", down.Err)
		}
		next[Up](b)
		if !b.asked(1).Has("wsc") || b.asked(2).Has("wsc") {
			t.Error("a refused recovery is tried again, or was not tried")
		}
	}, nil, func(p *peer) {
		p.subscribe("sub-1")
		p.send(m{"type": typeError}, m{"errorCode": "WSG-902", "message": "Idle timeout expired"})
	}, func(p *peer) {
		p.send(m{"type": typeError}, m{"errorCode": "WSG-1", "message": "no"})
		p.linger()
	}, func(p *peer) {
		p.subscribe("sub-2")
		p.linger()
	})
}

func TestAnErrorThatEndsNothing(t *testing.T) {
	inBubble(t, func(b *bench) {
		next[Up](b)
		next[Note](b)
		var g *GatewayError
		if down := next[Down](b); errors.As(down.Err, &g) {
			t.Errorf("an old error is told as the reason: %v", down.Err)
		}
	}, nil, func(p *peer) {
		p.subscribe("sub-1")
		p.send(m{"type": typeError}, m{"errorCode": "WSG-201", "message": "what was that"})
		p.note("n-1", 2)
	})
}

func TestHowLongASessionCanBeRecoveredUnlessToldOtherwise(t *testing.T) {
	for wait, recovers := range map[time.Duration]bool{170 * time.Second: true, 190 * time.Second: false} {
		t.Run(wait.String(), func(t *testing.T) {
			inBubble(t, func(b *bench) {
				next[Up](b)
				next[Down](b)
				next[Down](b) // no token
				next[Up](b)
				if got := b.asked(1).Has("wsc"); got != recovers {
					t.Errorf("tried to recover: %v", got)
				}
			}, func(b *bench, _ *Config) {
				b.refuse = func(n int) error {
					if n == 2 {
						return &rc.Error{Status: 503, RetryAfter: wait - 10*time.Second} // and 5 % more
					}
					return nil
				}
			}, func(p *peer) {
				p.details(1, m{"recoveryTimeout": nil})
				p.answer(p.want("POST"), 200, m{"id": "sub-1"})
			}, func(p *peer) {
				p.details(2, m{"recoveryState": "Failed"})
				p.answer(p.want("POST"), 200, m{"id": "sub-2"})
				p.linger()
			})
		})
	}
}

func TestHeartbeats(t *testing.T) {
	var seen chan string
	inBubble(t, func(b *bench) {
		next[Up](b)
		if got := <-seen; got != "theirs" {
			t.Errorf("answered %q", got)
		}
		begin := time.Now()
		ours := <-seen
		if ours == "theirs" || time.Since(begin) > 15*time.Minute {
			t.Errorf("%q after %v", ours, time.Since(begin))
		}
		pass(time.Minute)
		if len(seen) != 0 {
			t.Errorf("the echo of our own was answered: %v", <-seen)
		}
	}, func(*bench, *Config) { seen = make(chan string, 100) }, func(p *peer) {
		p.subscribe("sub-1")
		p.send(m{"type": typeHeartbeat, "messageId": "theirs"})
		for {
			r, ok := p.read()
			if !ok {
				return
			}
			if r.Type == typeHeartbeat {
				seen <- r.MessageID
				if r.MessageID != "theirs" {
					p.send(m{"type": typeHeartbeat, "messageId": r.MessageID})
				}
			}
		}
	})
}

func TestRenewsBeforeTheAbsoluteTimeout(t *testing.T) {
	const hour = 3600
	// day is a gateway that ends its sockets after some hours.
	day := func(p *peer) {
		p.details(1, m{"absoluteTimeout": 24 * hour})
		p.answer(p.want("POST"), 200, m{"id": "sub-1"})
		p.linger()
	}
	again := func(p *peer) {
		p.details(2, m{"recoveryState": "Successful", "absoluteTimeout": 24 * hour})
		p.linger()
	}
	t.Run("at once, and nobody is told that it was away", func(t *testing.T) {
		inBubble(t, func(b *bench) {
			next[Up](b)
			begin := time.Now()
			up := next[Up](b)
			if age := time.Since(begin); age < 22*time.Hour+30*time.Minute || age > 23*time.Hour {
				t.Errorf("renewed after %v", age)
			}
			if !up.Recovered || up.Overflow || up.Missed > 20*time.Second || !b.asked(1).Has("wsc") {
				t.Errorf("up %+v", up)
			}
			if b.asked(0).Get("access_token") == b.asked(1).Get("access_token") || b.tokensAsked() != 2 {
				t.Errorf("%d tokens asked", b.tokensAsked())
			}
			begin = time.Now()
			next[Up](b) // the day after
			if age := time.Since(begin); age > 23*time.Hour {
				t.Errorf("renewed again after %v", age)
			}
		}, nil, day, again, again)
	})
	t.Run("as soon as there is a token", func(t *testing.T) {
		inBubble(t, func(b *bench) {
			next[Up](b)
			begin := time.Now()
			if up := next[Up](b); !up.Recovered || up.Missed > 20*time.Second {
				t.Errorf("up %+v", up)
			}
			if n := b.tokensAsked(); n != 8 {
				t.Errorf("%d tokens asked", n)
			}
			if age := time.Since(begin); age > 23*time.Hour+3*time.Minute {
				t.Errorf("renewed after %v", age)
			}
		}, func(b *bench, _ *Config) {
			b.refuse = func(n int) error {
				if n > 1 && n < 8 {
					return &rc.Error{Status: 503}
				}
				return nil
			}
		}, day, again)
	})
	t.Run("and like any other loss when the new socket fails", func(t *testing.T) {
		inBubble(t, func(b *bench) {
			next[Up](b)
			if down := next[Down](b); down.Try != 1 || errors.Is(down.Err, errAged) {
				t.Errorf("down %+v", down)
			}
			if up := next[Up](b); !up.Recovered {
				t.Errorf("up %+v", up)
			}
		}, nil, day, func(*peer) {}, again)
	})
	t.Run("when it ends by itself all the same", func(t *testing.T) {
		inBubble(t, func(b *bench) {
			next[Up](b)
			var g *GatewayError
			if down := next[Down](b); !errors.As(down.Err, &g) || g.Code != "WSG-903" {
				t.Errorf("down %v", down.Err)
			}
			if up := next[Up](b); up.Recovered {
				t.Errorf("up %+v", up)
			}
		}, nil, func(p *peer) {
			p.details(1, m{"absoluteTimeout": 24 * hour})
			p.answer(p.want("POST"), 200, m{"id": "sub-1"})
			p.send(m{"type": typeError}, m{"errorCode": "WSG-903", "message": "Absolute timeout expired"})
			p.linger() // no close frame comes, and pings are answered
		}, func(p *peer) {
			p.details(2, m{"recoveryState": "Failed", "recoveryErrorCode": "WSG-1005"})
			p.answer(p.want("POST"), 200, m{"id": "sub-2"})
			p.linger()
		})
	})
}

func TestTimingScales(t *testing.T) {
	want := Timing{
		Dial: 1500 * time.Millisecond, Write: time.Second, Ping: 2 * time.Second, Dead: 4500 * time.Millisecond, Retry: 100 * time.Millisecond,
		RetryMax: 800 * time.Millisecond, Tokens: 6 * time.Second, Recovery: 18 * time.Second, Replay: time.Second, Skew: 500 * time.Millisecond, Renew: 6 * time.Minute,
	}
	if got := (Timing{}).Scaled(0.1); got != want {
		t.Errorf("got %+v", got)
	}
	if got := want.Filled(); got != want {
		t.Errorf("filled %+v", got)
	}
}

func TestRefusals(t *testing.T) {
	refuse := func(err error) func(*bench, *Config) {
		return func(b *bench, _ *Config) { b.refuse = func(int) error { return err } }
	}
	for name, tt := range map[string]struct {
		change    func(*bench, *Config)
		play      script
		permanent bool
		code      string
	}{
		"token 401":               {change: refuse(&rc.Error{Status: 401, Code: "OAU-213"}), permanent: true, code: "OAU-213"},
		"token of a broken grant": {change: refuse(&rc.Error{Unsent: true, Err: &rc.Error{Status: 400, Code: "OAU-210"}}), permanent: true, code: ""},
		"token 503":               {change: refuse(&rc.Error{Status: 503})},
		"token never sent":        {change: refuse(&rc.Error{Unsent: true, Err: errors.New("down")})},
		"subscription 403":        {play: answerWith(403, "CMN-401"), permanent: true, code: "CMN-401"},
		"too many subscriptions":  {play: answerWith(403, "SUB-505")},
		"subscription 500":        {play: answerWith(500, "CMN-203")},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				if !tt.permanent {
					next[Down](b)
					return
				}
				var e *rc.Error
				if err := <-b.ended; !errors.As(err, &e) || e.Code != tt.code {
					t.Errorf("ended with %v", err)
				}
				if len(b.messages) != 0 {
					t.Errorf("%#v", <-b.messages)
				}
			}, tt.change, tt.play)
		})
	}
}

func answerWith(status int, code string) script {
	return func(p *peer) {
		p.details(1, nil)
		p.answer(p.want("POST"), status, m{"errors": []m{{"errorCode": code, "message": "no"}}})
		p.linger()
	}
}

func TestBackoff(t *testing.T) {
	t.Run("grows to its cap and no further", func(t *testing.T) {
		inBubble(t, func(b *bench) {
			for try := 1; try <= 12; try++ {
				most := min(time.Duration(try*try)*time.Second, 8*time.Second)
				down := next[Down](b)
				if down.Try != try || down.Next < most/2 || down.Next > most {
					t.Errorf("try %d: %+v", try, down)
				}
			}
		}, func(b *bench, _ *Config) {
			b.refuse = func(int) error { return &rc.Error{Unsent: true, Err: errors.New("down")} }
		})
	})
	t.Run("honours Retry-After", func(t *testing.T) {
		inBubble(t, func(b *bench) {
			if down := next[Down](b); down.Next < 50*time.Second || down.Next > 55*time.Second {
				t.Errorf("down %+v", down)
			}
		}, func(b *bench, _ *Config) {
			b.refuse = func(int) error { return &rc.Error{Status: 429, RetryAfter: 50 * time.Second} }
		})
	})
	t.Run("asks for four tokens a minute at most", func(t *testing.T) {
		var times []time.Time
		inBubble(t, func(b *bench) {
			for range 16 {
				next[Down](b)
			}
			for i := range times {
				if i >= 4 && times[i].Sub(times[i-4]) <= time.Minute {
					t.Errorf("token %d came %v after the fourth before it", i, times[i].Sub(times[i-4]))
				}
			}
		}, func(b *bench, _ *Config) {
			b.refuse = func(int) error { times = append(times, time.Now()); return nil }
		})
	})
	t.Run("starts again after a good connection", func(t *testing.T) {
		inBubble(t, func(b *bench) {
			next[Down](b)
			next[Down](b)
			next[Up](b)
			if down := next[Down](b); down.Try != 1 {
				t.Errorf("down %+v", down)
			}
		}, func(b *bench, _ *Config) {
			b.refuse = func(n int) error {
				if n < 3 {
					return &rc.Error{Status: 500}
				}
				return nil
			}
		}, func(p *peer) {
			p.subscribe("sub-1")
			pass(10 * time.Second)
		})
	})
}

func TestATokenThatNobodySawIsKept(t *testing.T) {
	inBubble(t, func(b *bench) {
		for range 3 {
			next[Down](b)
		}
		next[Up](b)
		if n := b.tokensAsked(); n != 1 {
			t.Errorf("%d tokens asked", n)
		}
		next[Down](b) // the script ends: the token was seen, a new one is due
		next[Down](b)
		if n := b.tokensAsked(); n != 2 {
			t.Errorf("%d tokens asked", n)
		}
	}, func(b *bench, _ *Config) { b.offline = 3 }, func(p *peer) { p.subscribe("sub-1") })
}

func TestDialErrorsHoldNoToken(t *testing.T) {
	inBubble(t, func(b *bench) {
		for range 3 { // no route, then refused by the gateway
			down := next[Down](b)
			var d *DialError
			if !errors.As(down.Err, &d) || d.Host != "gateway.example" || d.Path != "/ws" {
				t.Errorf("down %v", down.Err)
			}
			if text := down.Err.Error(); strings.Contains(text, "secret") || strings.Contains(text, "?") {
				t.Errorf("told: %s", text)
			}
			if d != nil && d.Status != 0 && d.Status != http.StatusServiceUnavailable {
				t.Errorf("status %d", d.Status)
			}
		}
	}, func(b *bench, _ *Config) { b.offline = 1 })
}

func TestSetFilters(t *testing.T) {
	wider := []string{ownFilter, "/restapi/v1.0/account/~/extension/3/presence"}

	t.Run("live: PUT", func(t *testing.T) {
		var put request
		inBubble(t, func(b *bench) {
			next[Up](b)
			if err := b.feed.SetFilters(b.t.Context(), wider); err != nil {
				b.t.Fatal(err)
			}
			got := next[Filters](b)
			if !slices.Equal(got.Active, wider) || len(got.Disabled) != 1 || got.Err != nil {
				t.Errorf("filters %+v", got)
			}
			if put.Path != "/restapi/v1.0/subscription/sub-1" || !slices.Equal(put.filters, wider) {
				t.Errorf("request %+v", put)
			}
		}, nil, func(p *peer) {
			p.subscribe("sub-1")
			put = p.want("PUT")
			p.answer(put, 200, m{"id": "sub-1", "disabledFilters": []m{{"filter": wider[1], "reason": "x"}}})
			p.linger()
		})
	})
	t.Run("forgotten: POST and Up", func(t *testing.T) {
		inBubble(t, func(b *bench) {
			next[Up](b)
			if err := b.feed.SetFilters(b.t.Context(), wider); err != nil {
				b.t.Fatal(err)
			}
			if up := next[Up](b); up.Recovered || up.Missed != 0 {
				t.Errorf("up %+v", up)
			}
		}, nil, func(p *peer) {
			p.subscribe("sub-1")
			p.answer(p.want("PUT"), 404, m{"errorCode": "SUB-507"})
			if r := p.want("POST"); !slices.Equal(r.filters, wider) {
				t.Errorf("request %+v", r)
			} else {
				p.answer(r, 200, m{"id": "sub-2"})
			}
			p.linger()
		})
	})
	t.Run("refused: the old ones stay, also for the next connect", func(t *testing.T) {
		inBubble(t, func(b *bench) {
			next[Up](b)
			var e *rc.Error
			if err := b.feed.SetFilters(b.t.Context(), wider); !errors.As(err, &e) || e.Code != "SUB-508" || e.Method != "PUT" {
				b.t.Fatalf("error %v", err)
			}
			if got := next[Filters](b); !slices.Equal(got.Active, []string{ownFilter}) || got.Err == nil {
				t.Errorf("filters %+v", got)
			}
			next[Down](b)
			next[Up](b)
		}, nil, func(p *peer) {
			p.subscribe("sub-1")
			p.answer(p.want("PUT"), 400, m{"errorCode": "SUB-508"})
		}, func(p *peer) {
			if r := p.subscribe("sub-2"); !slices.Equal(r.filters, []string{ownFilter}) {
				t.Errorf("request %+v", r)
			}
			p.linger()
		})
	})
	t.Run("forgotten and refused: the old ones come back", func(t *testing.T) {
		inBubble(t, func(b *bench) {
			next[Up](b)
			if err := b.feed.SetFilters(b.t.Context(), wider); err == nil {
				b.t.Fatal("no error")
			}
			next[Up](b)
		}, nil, func(p *peer) {
			p.subscribe("sub-1")
			p.answer(p.want("PUT"), 404, m{})
			p.answer(p.want("POST"), 400, m{"errorCode": "SUB-508"})
			if r := p.want("POST"); !slices.Equal(r.filters, []string{ownFilter}) {
				t.Errorf("request %+v", r)
			} else {
				p.answer(r, 200, m{"id": "sub-2"})
			}
			p.linger()
		})
	})
	t.Run("down: used at the next connect", func(t *testing.T) {
		inBubble(t, func(b *bench) {
			next[Down](b)
			if err := b.feed.SetFilters(b.t.Context(), wider); err != nil {
				b.t.Fatal(err)
			}
			next[Up](b)
		}, func(b *bench, _ *Config) { b.offline = 1 }, func(p *peer) {
			if r := p.subscribe("sub-1"); !slices.Equal(r.filters, wider) {
				t.Errorf("request %+v", r)
			}
			p.linger()
		})
	})
	t.Run("down and then recovered: PUT after Up", func(t *testing.T) {
		inBubble(t, func(b *bench) {
			next[Up](b)
			next[Down](b)
			if err := b.feed.SetFilters(b.t.Context(), wider); err != nil {
				b.t.Fatal(err)
			}
			if up := next[Up](b); !up.Recovered {
				t.Errorf("up %+v", up)
			}
			if got := next[Filters](b); !slices.Equal(got.Active, wider) {
				t.Errorf("filters %+v", got)
			}
		}, nil, func(p *peer) { p.subscribe("sub-1") }, func(p *peer) {
			p.details(2, m{"recoveryState": "Successful"})
			r := p.want("PUT")
			p.answer(r, 200, m{"id": "sub-1"})
			p.linger()
		})
	})
	t.Run("down and then recovered without room: the old ones hold, and that is said", func(t *testing.T) {
		full := errors.New("no room")
		inBubble(t, func(b *bench) {
			next[Up](b)
			next[Down](b)
			if err := b.feed.SetFilters(b.t.Context(), wider); err != nil {
				b.t.Fatal(err)
			}
			next[Up](b)
			if got := next[Filters](b); !errors.Is(got.Err, full) || !slices.Equal(got.Active, []string{ownFilter}) {
				t.Errorf("filters %+v", got)
			}
		}, func(_ *bench, cfg *Config) {
			asked := 0
			cfg.Room = func(context.Context) (rc.Heard, error) {
				if asked++; asked > 1 { // the first is the subscription
					return nil, full
				}
				return func(int, http.Header, []byte) {}, nil
			}
		}, func(p *peer) { p.subscribe("sub-1") }, func(p *peer) {
			p.details(2, m{"recoveryState": "Successful"})
			p.linger()
		})
	})
	t.Run("the socket dies meanwhile", func(t *testing.T) {
		inBubble(t, func(b *bench) {
			next[Up](b)
			if err := b.feed.SetFilters(b.t.Context(), wider); err != nil {
				b.t.Fatal(err)
			}
			next[Down](b)
			next[Up](b)
		}, nil, func(p *peer) {
			p.subscribe("sub-1")
			p.want("PUT")
		}, func(p *peer) {
			if r := p.subscribe("sub-2"); !slices.Equal(r.filters, wider) {
				t.Errorf("request %+v", r)
			}
			p.linger()
		})
	})
	t.Run("the caller gives up", func(t *testing.T) {
		inBubble(t, func(b *bench) {
			next[Up](b)
			ctx, cancel := context.WithTimeout(b.t.Context(), time.Second)
			defer cancel()
			if err := b.feed.SetFilters(ctx, wider); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			pass(time.Minute)
			if len(b.messages) != 0 {
				t.Errorf("the socket died: %#v", <-b.messages)
			}
		}, nil, func(p *peer) {
			p.subscribe("sub-1")
			p.linger()
		})
	})
}

// counted is what a subscription request was told to count for.
type counted struct{ room, heard []int }

func (c *counted) of(b *bench, cfg *Config, full func(n int) error) {
	cfg.Room = func(context.Context) (rc.Heard, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		c.room = append(c.room, len(c.room)+1)
		if full != nil {
			if err := full(len(c.room)); err != nil {
				return nil, err
			}
		}
		return func(status int, header http.Header, _ []byte) {
			b.mu.Lock()
			defer b.mu.Unlock()
			if status != 0 && header.Get("X-Rate-Limit-Remaining") != "3" {
				b.t.Errorf("headers %v", header)
			}
			c.heard = append(c.heard, status)
		}, nil
	}
}

func TestSubscriptionRequestsAreCounted(t *testing.T) {
	wider := []string{ownFilter, "/restapi/v1.0/account/~/extension/3/presence"}
	full := &rc.Error{Status: 429, RetryAfter: 40 * time.Second, Unsent: true, Err: rc.ErrHeldBack}

	t.Run("each once, by its answer or by the lack of one", func(t *testing.T) {
		var c counted
		inBubble(t, func(b *bench) {
			next[Up](b)
			if err := b.feed.SetFilters(b.t.Context(), wider); err == nil {
				b.t.Fatal("no error")
			}
			next[Filters](b)
			if err := b.feed.SetFilters(b.t.Context(), wider); err != nil { // the socket dies
				b.t.Fatal(err)
			}
			next[Down](b)
			next[Up](b)
			b.mu.Lock()
			defer b.mu.Unlock()
			if !slices.Equal(c.heard, []int{200, 400, 0, 200}) || len(c.room) != 4 {
				t.Errorf("%d requests heard %v", len(c.room), c.heard)
			}
		}, func(b *bench, cfg *Config) { c.of(b, cfg, nil) }, func(p *peer) {
			p.subscribe("sub-1")
			p.answer(p.want("PUT"), 400, m{"errorCode": "SUB-508"})
			p.want("PUT")
		}, func(p *peer) {
			p.subscribe("sub-2")
			p.linger()
		})
	})
	t.Run("nothing is subscribed without room", func(t *testing.T) {
		var c counted
		inBubble(t, func(b *bench) {
			if down := next[Down](b); !errors.Is(down.Err, rc.ErrHeldBack) || down.Next < 40*time.Second {
				t.Errorf("down %+v", down)
			}
			next[Up](b)
		}, func(b *bench, cfg *Config) {
			c.of(b, cfg, func(n int) error {
				if n == 1 {
					return full
				}
				return nil
			})
		}, func(p *peer) {
			p.details(1, nil)
			if r, ok := p.read(); ok {
				p.t.Errorf("sent without room: %+v", r)
			}
		}, func(p *peer) {
			p.subscribe("sub-1")
			p.linger()
		})
	})
	t.Run("nor are filters changed", func(t *testing.T) {
		var c counted
		inBubble(t, func(b *bench) {
			next[Up](b)
			if err := b.feed.SetFilters(b.t.Context(), wider); !errors.Is(err, rc.ErrHeldBack) {
				t.Errorf("error %v", err)
			}
			next[Down](b)
			next[Up](b)
		}, func(b *bench, cfg *Config) {
			c.of(b, cfg, func(n int) error {
				if n == 2 {
					return full
				}
				return nil
			})
		}, func(p *peer) {
			p.subscribe("sub-1")
			pass(time.Minute)
		}, func(p *peer) {
			if r := p.subscribe("sub-2"); !slices.Equal(r.filters, []string{ownFilter}) {
				t.Errorf("request %+v", r)
			}
			p.linger()
		})
	})
}

func FuzzParseFrame(f *testing.F) {
	for _, s := range []string{
		`[{"type":"Heartbeat","messageId":"1"}]`,
		`[{"type":"ServerNotification","messageId":7,"status":200,"headers":{"A":1,"B":[2]},"wsc":{"token":"t","sequence":3}},{"a":1}]`,
		`[]`, `[1,2,3]`, `{}`, `[{"type":"Error","status":"x"},null]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fr, err := parseFrame(data)
		if err == nil && fr.Headers.http() == nil {
			t.Error("no headers")
		}
	})
}

func BenchmarkFrame(b *testing.B) {
	data := []byte(`[{"type":"ServerNotification","messageId":"1","status":200,"wsc":{"token":"t","sequence":3},"headers":{"RCRequestId":"r"}},` +
		`{"uuid":"1","event":"/restapi/v1.0/account/1/extension/2/telephony/sessions","timestamp":"2026-03-02T15:04:05.138Z","subscriptionId":"s","ownerId":"2",` +
		`"body":{"sequence":6,"sessionId":"3","telephonySessionId":"s-1","serverId":"x","eventTime":"2026-03-02T15:04:05.072Z","parties":[{"accountId":"1","extensionId":"2",` +
		`"id":"p-1-2","direction":"Inbound","to":{"phoneNumber":"+16505550100","name":"Jude"},"from":{"phoneNumber":"+16505550142"},"status":{"code":"Hold","rcc":false},` +
		`"park":{},"missedCall":false,"standAlone":false,"muted":false}],"origin":{"type":"Call"}}}]`)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		fr, err := parseFrame(data)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := telephony.DecodeNotification(fr.body); err != nil || n.Event == nil {
			b.Fatal(err)
		}
	}
}
