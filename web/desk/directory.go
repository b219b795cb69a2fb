package desk

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/directory"
)

// Directory is who is in the accounts of the signed-in, listed from RingCentral
// now and then and searched here: RingCentral's own search is of the Heavy group,
// ten a minute. One listing of an account serves all its desks of this instance;
// one that fails leaves the older one in place, whose age is known. An account has
// 100,000 entries at most (rc.Caller.Directory). It is safe for concurrent use.
type Directory struct {
	timing Timing
	now    func() time.Time

	mu       sync.Mutex
	accounts map[string]*listing
}

// listing is what is known of one account; its index is nil before the first.
type listing struct {
	index *directory.Index
	at    time.Time
	again time.Time     // it is not listed before
	used  time.Time     // somebody wanted it
	going chan struct{} // closed when the listing under way ends; nil when none is
}

func newDirectory(cfg *Config) *Directory {
	return &Directory{timing: cfg.Timing, now: cfg.Now, accounts: map[string]*listing{}}
}

// Search finds people, queues and other extensions of an account while somebody
// types, as directory.Index does.
func (d *Directory) Search(account, typed string, limit int) []directory.Entry {
	if x, _ := d.known(account); x != nil {
		return x.Search(typed, limit)
	}
	return nil
}

// Lookup finds an entry of an account by its extension id.
func (d *Directory) Lookup(account, extensionID string) (directory.Entry, bool) {
	if x, _ := d.known(account); x != nil {
		return x.Lookup(extensionID)
	}
	return directory.Entry{}, false
}

// Age is how old the account's listing is; false when there is none.
func (d *Directory) Age(account string) (time.Duration, bool) {
	x, at := d.known(account)
	return d.now().Sub(at), x != nil
}

func (d *Directory) known(account string) (*directory.Index, time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.accounts[account]
	if l == nil {
		return nil, time.Time{}
	}
	l.used = d.now()
	return l.index, l.at
}

// Refresh sees to it that an account is listed and the listing is not too old.
// list is done by one of those who ask at a time, and the others wait for it. The
// error says why it was not listed now, also when an older listing is still there.
func (d *Directory) Refresh(ctx context.Context, account string, list func(context.Context) ([]directory.Entry, error)) error {
	for {
		going, mine := d.begin(account)
		switch {
		case going == nil:
			return nil
		case mine:
			entries, err := list(ctx)
			d.end(account, entries, err)
			return err
		}
		select {
		case <-going: // whoever listed may have gone in the middle of it
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// begin gives the listing under way, which may be the caller's to do; nil when
// none is due. It forgets accounts that nobody wanted for long.
func (d *Directory) begin(account string) (going chan struct{}, mine bool) {
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	for other, l := range d.accounts {
		if l.going == nil && now.Sub(l.used) > d.timing.DirectoryKept {
			delete(d.accounts, other)
		}
	}
	l := d.accounts[account]
	if l == nil {
		l = &listing{}
		d.accounts[account] = l
	}
	l.used = now
	if l.going == nil && !now.Before(l.again) {
		l.going, mine = make(chan struct{}), true
	}
	return l.going, mine
}

// end takes a listing over, or keeps the older one and says when to try again.
func (d *Directory) end(account string, entries []directory.Entry, err error) {
	var index *directory.Index
	if err == nil {
		index = directory.New(entries)
	}
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.accounts[account]
	close(l.going)
	l.going = nil
	switch {
	case err == nil:
		l.index, l.at, l.again = index, now, now.Add(d.timing.DirectoryFresh)
	case errors.Is(err, context.Canceled): // whoever listed has gone; the next may try at once
	default:
		wait := d.timing.DirectoryAgain
		if e, ok := errors.AsType[*rc.Error](err); ok {
			wait = max(wait, e.RetryAfter)
		}
		l.again = now.Add(wait)
	}
}

// refreshDirectory lists the person's account again when that is due.
func (d *desk) refreshDirectory(ctx context.Context) {
	list := func(ctx context.Context) ([]directory.Entry, error) {
		return renewed(ctx, d, func(ctx context.Context) ([]directory.Entry, error) { return d.caller.Directory(rc.Background(ctx)) })
	}
	if err := d.cfg.directory.Refresh(ctx, d.person.AccountID, list); err != nil && ctx.Err() == nil {
		age, _ := d.cfg.directory.Age(d.person.AccountID)
		d.log.Info("directory not listed", "age", age, "err", err)
	}
}

// awaitDirectory brings the directory up to date, but waits no longer for it than
// a page can: a long one arrives when it arrives.
func (d *desk) awaitDirectory(ctx context.Context) {
	done := make(chan struct{})
	d.async(func(ctx context.Context) func() {
		d.refreshDirectory(ctx)
		close(done)
		return d.nameTeam
	})
	timer := time.NewTimer(d.cfg.Timing.DirectoryWait)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	case <-ctx.Done():
	}
}
