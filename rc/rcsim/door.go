package rcsim

import "net"

// RefuseConnections resets the next n connections that come to a listener of Server.Listener (Start has one), before a byte
// of them is read.
func (s *Server) RefuseConnections(n int) {
	_ = s.change(func() error {
		s.faults.turnAway = n
		return nil
	})
}

// Listener makes the connections of l subject to RefuseConnections.
func (s *Server) Listener(l net.Listener) net.Listener { return doorman{l, s} }

type doorman struct {
	net.Listener
	s *Server
}

func (d doorman) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil || !d.s.turnsAway() {
			return conn, err
		}
		reset(conn)
	}
}

func (s *Server) turnsAway() bool {
	away := false
	_ = s.change(func() error {
		if away = s.faults.turnAway > 0; away {
			s.faults.turnAway--
		}
		return nil
	})
	return away
}

// reset closes a connection with RST, so that the other side cannot take it for a clean end.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
