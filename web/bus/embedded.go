package bus

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// embedded is a NATS server in this process; a nil one is no server.
type embedded struct {
	server *server.Server
	lock   *os.File
}

// startEmbedded locks the folder and starts a server on it that no network can reach.
func startEmbedded(dir string, wait time.Duration, log *slog.Logger) (*embedded, error) {
	if dir == "" {
		return nil, errors.New("bus: no data folder given")
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	e := &embedded{lock: lock}
	e.server, err = server.NewServer(&server.Options{
		ServerName:      "cordboard",
		DontListen:      true,
		NoSigs:          true,
		NoSystemAccount: true,
		JetStream:       true,
		StoreDir:        dir,
		SyncAlways:      true,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("bus: embedded server: %w", err), e.stop())
	}
	e.server.SetLoggerV2(logger{log}, false, false, false)
	e.server.Start()
	if !e.server.ReadyForConnections(wait) {
		return nil, errors.Join(errors.New("bus: the embedded server did not become ready"), e.stop())
	}
	return e, nil
}

// lockDir takes the folder for this process; the system gives it back when the process dies.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("bus: data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "bus.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("bus: data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrLocked
		}
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// stop ends the server, waits for it, and then unlocks the folder.
func (e *embedded) stop() error {
	if e == nil {
		return nil
	}
	if e.server != nil {
		e.server.Shutdown()
		e.server.WaitForShutdown()
	}
	if err := unlockDir(e.lock); err != nil {
		return fmt.Errorf("bus: unlock the data folder: %w", err)
	}
	return nil
}

// unlockDir gives the folder back. Closing the file would not be enough while a
// program that is being started still shares it, from its fork to its exec.
func unlockDir(lock *os.File) error {
	return errors.Join(syscall.Flock(int(lock.Fd()), syscall.LOCK_UN), lock.Close())
}

// logger hands the server's words to slog; its notices are details to us.
type logger struct{ log *slog.Logger }

func (l logger) Noticef(format string, v ...any) { l.log.Debug("nats: " + fmt.Sprintf(format, v...)) }

func (l logger) Warnf(format string, v ...any) { l.log.Warn("nats: " + fmt.Sprintf(format, v...)) }

func (l logger) Errorf(format string, v ...any) { l.log.Error("nats: " + fmt.Sprintf(format, v...)) }

func (l logger) Fatalf(format string, v ...any) { l.log.Error("nats: " + fmt.Sprintf(format, v...)) }

func (l logger) Debugf(format string, v ...any) { l.log.Debug("nats: " + fmt.Sprintf(format, v...)) }

func (l logger) Tracef(format string, v ...any) { l.log.Debug("nats: " + fmt.Sprintf(format, v...)) }
