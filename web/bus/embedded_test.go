package bus

import (
	"errors"
	"syscall"
	"testing"
)

// A program that is being started shares the lock's file until it is; the folder is free all the same once it is given back.
func TestAFolderIsFreeThoughAChildStillSharesItsLock(t *testing.T) {
	dir := t.TempDir()
	lock, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	child, err := syscall.Dup(int(lock.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(child) }()
	if _, err := lockDir(dir); !errors.Is(err, ErrLocked) {
		t.Errorf("taken twice: %v", err)
	}
	if err := unlockDir(lock); err != nil {
		t.Fatal(err)
	}
	again, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := unlockDir(again); err != nil {
		t.Error(err)
	}
}
