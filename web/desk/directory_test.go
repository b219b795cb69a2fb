package desk

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/directory"
)

const account = "700100000"

// pass lets time pass in a bubble.
func pass(d time.Duration) { <-time.After(d) }

// lister is RingCentral as a directory sees it.
type lister struct {
	takes   time.Duration
	err     error
	entries []directory.Entry
	asked   []time.Time
}

func (l *lister) list(ctx context.Context) ([]directory.Entry, error) {
	l.asked = append(l.asked, time.Now())
	select {
	case <-time.After(l.takes):
		return slices.Clone(l.entries), l.err
	case <-ctx.Done():
		return nil, &rc.Error{Unsent: true, Err: ctx.Err()}
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		run  func(t *testing.T, d *Directory, l *lister)
	}{
		{"one listing serves all who ask", func(t *testing.T, d *Directory, l *lister) {
			t.Helper()
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					if err := d.Refresh(t.Context(), account, l.list); err != nil {
						t.Error(err)
					}
					if e, ok := d.Lookup(account, "8"); !ok || e.Name != "Jude Okafor" {
						t.Errorf("after the listing: %+v, %v", e, ok)
					}
				})
			}
			all.Wait()
			if len(l.asked) != 1 {
				t.Errorf("listed %d times", len(l.asked))
			}
		}},
		{"it is searched here", func(t *testing.T, d *Directory, l *lister) {
			t.Helper()
			if got := d.Search(account, "jude", 5); got != nil {
				t.Errorf("before it was listed: %v", got)
			}
			if err := d.Refresh(t.Context(), account, l.list); err != nil {
				t.Fatal(err)
			}
			for _, typed := range []string{"j", "ju", "jude", "102", "555 0102"} {
				if got := d.Search(account, typed, 5); len(got) != 1 || got[0].ID != "8" {
					t.Errorf("%q: %v", typed, got)
				}
			}
			if len(l.asked) != 1 {
				t.Errorf("RingCentral was asked %d times", len(l.asked))
			}
		}},
		{"accounts know nothing of each other", func(t *testing.T, d *Directory, l *lister) {
			t.Helper()
			if err := d.Refresh(t.Context(), account, l.list); err != nil {
				t.Fatal(err)
			}
			if _, ok := d.Lookup("another", "8"); ok || d.Search("another", "jude", 5) != nil {
				t.Error("found in another account")
			}
			if _, ok := d.Age("another"); ok {
				t.Error("another account has an age")
			}
		}},
		{"it is listed again after an hour, with whatever changed", func(t *testing.T, d *Directory, l *lister) {
			t.Helper()
			for range 59 {
				if err := d.Refresh(t.Context(), account, l.list); err != nil {
					t.Fatal(err)
				}
				pass(time.Minute)
			}
			if age, ok := d.Age(account); len(l.asked) != 1 || !ok || age < 58*time.Minute {
				t.Errorf("listed %d times, age %v", len(l.asked), age)
			}
			l.entries = []directory.Entry{{ID: "9", Name: "Ann"}}
			pass(2 * time.Minute)
			if err := d.Refresh(t.Context(), account, l.list); err != nil {
				t.Fatal(err)
			}
			_, gone := d.Lookup(account, "8")
			if _, here := d.Lookup(account, "9"); len(l.asked) != 2 || gone || !here {
				t.Errorf("listed %d times", len(l.asked))
			}
		}},
		{"a listing that fails leaves the older one", func(t *testing.T, d *Directory, l *lister) {
			t.Helper()
			if err := d.Refresh(t.Context(), account, l.list); err != nil {
				t.Fatal(err)
			}
			pass(2 * time.Hour)
			l.err, l.entries = &rc.Error{Status: http.StatusTooManyRequests, RetryAfter: 5 * time.Minute}, nil
			begin := time.Now()
			if err := d.Refresh(t.Context(), account, l.list); !errors.Is(err, l.err) {
				t.Errorf("error %v", err)
			}
			if _, ok := d.Lookup(account, "8"); !ok {
				t.Error("the older listing is gone")
			}
			if age, ok := d.Age(account); !ok || age < 2*time.Hour {
				t.Errorf("age %v", age)
			}
			for time.Since(begin) < 4*time.Minute+50*time.Second { // RingCentral said five
				if err := d.Refresh(t.Context(), account, l.list); err != nil {
					t.Error(err)
				}
				pass(10 * time.Second)
			}
			if len(l.asked) != 2 {
				t.Errorf("listed %d times", len(l.asked))
			}
			l.err, l.entries = nil, []directory.Entry{{ID: "8", Name: "Jude"}}
			pass(time.Minute)
			if err := d.Refresh(t.Context(), account, l.list); err != nil {
				t.Error(err)
			}
			if age, _ := d.Age(account); age != 0 || len(l.asked) != 3 {
				t.Errorf("age %v, listed %d times", age, len(l.asked))
			}
		}},
		{"one that failed without a word is tried again in a minute", func(t *testing.T, d *Directory, l *lister) {
			t.Helper()
			l.err = errors.New("down")
			for range 6 {
				_ = d.Refresh(t.Context(), account, l.list) // the error is not the matter
				pass(20 * time.Second)
			}
			if len(l.asked) != 2 {
				t.Errorf("listed %d times in two minutes", len(l.asked))
			}
			if _, ok := d.Age(account); ok {
				t.Error("it has an age and was never listed")
			}
		}},
		{"when whoever lists goes, somebody else does", func(t *testing.T, d *Directory, l *lister) {
			t.Helper()
			l.takes = time.Second
			first, leave := context.WithCancel(t.Context())
			done := make(chan error, 2)
			go func() { done <- d.Refresh(first, account, l.list) }()
			synctest.Wait()
			go func() { done <- d.Refresh(t.Context(), account, l.list) }()
			synctest.Wait()
			leave()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("the first: %v", err)
			}
			if err := <-done; err != nil {
				t.Errorf("the second: %v", err)
			}
			if _, ok := d.Lookup(account, "8"); !ok || len(l.asked) != 2 {
				t.Errorf("listed %d times", len(l.asked))
			}
		}},
		{"who waits may go", func(t *testing.T, d *Directory, l *lister) {
			t.Helper()
			l.takes = time.Minute
			done := make(chan error, 1)
			go func() { done <- d.Refresh(t.Context(), account, l.list) }()
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := d.Refresh(ctx, account, l.list); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			if err := <-done; err != nil || len(l.asked) != 1 {
				t.Errorf("%v, listed %d times", err, len(l.asked))
			}
		}},
		{"what nobody wants for a day is forgotten", func(t *testing.T, d *Directory, l *lister) {
			t.Helper()
			for _, a := range []string{account, "another"} {
				if err := d.Refresh(t.Context(), a, l.list); err != nil {
					t.Fatal(err)
				}
			}
			for range 25 {
				pass(time.Hour)
				if err := d.Refresh(t.Context(), account, l.list); err != nil {
					t.Fatal(err)
				}
			}
			if len(d.accounts) != 1 || d.accounts[account] == nil {
				t.Errorf("%d accounts kept", len(d.accounts))
			}
		}},
		{"but not what is being listed", func(t *testing.T, d *Directory, l *lister) {
			t.Helper()
			l.takes = 25 * time.Hour
			done := make(chan error, 1)
			go func() { done <- d.Refresh(t.Context(), account, l.list) }()
			pass(24*time.Hour + time.Minute)
			if err := d.Refresh(t.Context(), "another", (&lister{}).list); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			if _, ok := d.Age(account); !ok {
				t.Error("the listing is lost")
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := &lister{entries: []directory.Entry{{ID: "8", Name: "Jude Okafor", Number: "102", Numbers: []string{"+16505550102"}}}}
				tt.run(t, newDirectory(&Config{Now: time.Now, Timing: Timing{}.filled()}), l)
			})
		})
	}
}
