package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const namespace = "cordboard"

// Metrics counts what the IT person wants to know. Its methods are hooks that
// whoever wires the parts gives to them; they may be called from any goroutine
// and take words and numbers only, never a person's.
type Metrics struct {
	registry *prometheus.Registry
	feeds    *prometheus.GaugeVec
	lag      prometheus.Histogram
	ends     *prometheus.CounterVec
	unknown  prometheus.Counter
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	kv       *prometheus.HistogramVec
	kvErrors *prometheus.CounterVec
}

// NewMetrics makes the collectors.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		feeds: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Name: "feeds", Help: "Feeds of signed-in people that this instance owns, by state.",
		}, []string{"state"}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "event_lag_seconds", Help: "From RingCentral's eventTime to the desk.",
			Buckets: []float64{.05, .1, .2, .3, .5, .75, 1, 2, 5, 10, 30, 120},
		}),
		ends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "transfers_total", Help: "Transfers by the end they came to.",
		}, []string{"end"}),
		unknown: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "unknown_words_total", Help: "Events with a state word that this version does not know.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "ringcentral_requests_total", Help: "Requests to RingCentral by usage-plan group and status; 0 means that no answer came, held that it was not sent.",
		}, []string{"group", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "ringcentral_request_seconds", Help: "How long RingCentral took to answer, by usage-plan group.",
			Buckets: []float64{.05, .1, .2, .5, 1, 2, 5, 10},
		}, []string{"group"}),
		kv: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "kv_seconds", Help: "How long NATS took, by operation and by bucket or stream.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .05, .25, 1},
		}, []string{"op", "name"}),
		kvErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "kv_errors_total", Help: "Operations that NATS did not do, by operation and by bucket or stream.",
		}, []string{"op", "name"}),
	}
	m.registry.MustRegister(
		m.feeds, m.lag, m.ends, m.unknown, m.requests, m.took, m.kv, m.kvErrors,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// WatchStreams asks count, at each scrape, for the number of open streams; it is called once.
func (m *Metrics) WatchStreams(count func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "streams", Help: "Open event streams of browsers on this instance.",
	}, func() float64 { return float64(count()) }))
}

// FeedOpened says that a feed began, in a state.
func (m *Metrics) FeedOpened(state string) { m.feeds.WithLabelValues(state).Inc() }

// FeedMoved says that a feed went from one state to another.
func (m *Metrics) FeedMoved(from, to string) {
	m.feeds.WithLabelValues(from).Dec()
	m.feeds.WithLabelValues(to).Inc()
}

// FeedClosed says that a feed ended, in a state.
func (m *Metrics) FeedClosed(state string) { m.feeds.WithLabelValues(state).Dec() }

// EventLag is how old an event was when it came.
func (m *Metrics) EventLag(d time.Duration) { m.lag.Observe(max(0, d.Seconds())) }

// TransferEnded counts a transfer by its end.
func (m *Metrics) TransferEnded(end string) { m.ends.WithLabelValues(end).Inc() }

// UnknownWord counts an event with a state word that nobody knows.
func (m *Metrics) UnknownWord() { m.unknown.Inc() }

// RingCentralRequest counts a request; status is 0 when there was no answer, and unsent means that it never left.
func (m *Metrics) RingCentralRequest(group string, status int, unsent bool, took time.Duration) {
	label := strconv.Itoa(status)
	if unsent {
		label = "held"
	} else {
		m.took.WithLabelValues(group).Observe(took.Seconds())
	}
	m.requests.WithLabelValues(group, label).Inc()
}

// KV observes an operation of NATS; failed means that it was not done, not that a key was missing.
func (m *Metrics) KV(op, name string, took time.Duration, failed bool) {
	m.kv.WithLabelValues(op, name).Observe(took.Seconds())
	if failed {
		m.kvErrors.WithLabelValues(op, name).Inc()
	}
}

// Admin answers /metrics, /healthz and /readyz, for an address of its own:
// healthy means that the process answers, ready that it can serve people.
func Admin(m *Metrics, ready func() error) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if ready() != nil { // the reason is in the log of whoever is not ready
			plain(w, http.StatusServiceUnavailable, "not ready")
			return
		}
		plain(w, http.StatusOK, "ready")
	})
	return mux
}

func plain(w http.ResponseWriter, status int, word string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(word + "\n")) // whoever left will not read an error either
}
