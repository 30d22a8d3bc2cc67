// Package metrics counts what a bridge does, for monitoring, and knows when each network last answered well. relay, bot and the two clients
// report to it; it reads the store's figures whenever metrics are collected.
package metrics

import (
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
	"peyk/telegram"
)

// Metrics counts what one bridge does; doc/operations.md explains each figure. Label values come from fixed lists in this program: no
// number, id, text or secret is ever one.
type Metrics struct {
	*prometheus.Registry

	received       prometheus.Counter
	sent           *prometheus.CounterVec
	delivery       *prometheus.CounterVec
	incidents      *prometheus.CounterVec
	panelTook      *prometheus.HistogramVec
	panelErrors    *prometheus.CounterVec
	telegramTook   *prometheus.HistogramVec
	telegramErrors *prometheus.CounterVec
	commitTook     prometheus.Histogram
	commitErrors   prometheus.Counter

	credit  atomic.Pointer[float64] // what the panel last said; nil before that, or when it is not a number
	fetched moment
	updated moment
}

// accepted is the outcome of an SMS that the panel accepted; other outcomes are named after the kinds of error.
const accepted = "accepted"

// New returns metrics that are all zero.
func New() *Metrics {
	m := &Metrics{Registry: prometheus.NewRegistry()}
	add := promauto.With(m.Registry)
	counter := func(name, help string) prometheus.Counter {
		return add.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	counters := func(name, help, label string, values ...string) *prometheus.CounterVec {
		c := add.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
		for _, value := range values {
			c.WithLabelValues(value) // a counter that first appears above zero would hide its first event
		}
		return c
	}
	durations := func(name, help string) *prometheus.HistogramVec {
		return add.NewHistogramVec(prometheus.HistogramOpts{
			Name: name, Help: help, Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"method"})
	}
	var kinds, incidents []string
	for _, kind := range []smsapi.Kind{smsapi.Uncertain, smsapi.Rejected, smsapi.Auth, smsapi.Unavailable} {
		kinds = append(kinds, kind.String())
	}
	for _, kind := range store.IncidentKinds {
		if kind.Trouble() {
			incidents = append(incidents, label(string(kind)))
		}
	}
	m.received = counter("peyk_sms_received_total", "SMS fetched from the panel and stored.")
	m.sent = counters("peyk_sms_sent_total", "SMS the panel was asked to send, to one recipient each, by what it answered.", "outcome", append(kinds, accepted)...)
	m.delivery = counters("peyk_sms_delivery_total", "SMS whose delivery status the panel changed, by the new one.", "status",
		label(sms.AtTelecom.String()), label(sms.Delivered.String()), label(sms.Failed.String()))
	m.incidents = counters("peyk_incidents_total", "Troubles the team was told of.", "kind", incidents...)
	m.panelTook = durations("peyk_panel_request_duration_seconds", "How long the panel took to answer, or not to.")
	m.panelErrors = counters("peyk_panel_errors_total", "Requests to the panel that failed, by what is known of them.", "kind", kinds...)
	m.telegramTook = durations("peyk_telegram_request_duration_seconds", "How long Telegram took to answer, or not to; getUpdates waits for news.")
	m.telegramErrors = counters("peyk_telegram_errors_total", "Calls of Telegram that failed, by what that calls for.", "fate", telegram.FateNames()...)
	m.commitTook = add.NewHistogram(prometheus.HistogramOpts{
		Name: "peyk_store_commit_duration_seconds", Help: "How long it took until a transaction was on disk.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5},
	})
	m.commitErrors = counter("peyk_store_commit_errors_total", "Transactions the file did not take: the disk is full or broken.")
	return m
}

// label turns words into a label value.
func label(words string) string { return strings.ReplaceAll(words, " ", "_") }

// Committed counts a transaction of the store; it is for store.Options.
func (m *Metrics) Committed(c store.Commit) {
	m.commitTook.Observe(c.Took.Seconds())
	if c.Err != nil {
		m.commitErrors.Inc()
		return
	}
	for kind, n := range c.Incidents {
		m.incidents.WithLabelValues(label(string(kind))).Add(float64(n))
	}
	for status, n := range c.Statuses {
		m.delivery.WithLabelValues(label(status.String())).Add(float64(n))
	}
}

// TelegramAsked counts a call to Telegram.
func (m *Metrics) TelegramAsked(method string, took time.Duration, err error) {
	m.telegramTook.WithLabelValues(method).Observe(took.Seconds())
	if err != nil {
		m.telegramErrors.WithLabelValues(telegram.FateOf(err).String()).Inc()
	}
}

// FetchFailed counts a fetch that failed, whether for want of an answer or because of what the answer was.
func (m *Metrics) FetchFailed(err error) {
	if !errors.Is(err, store.ErrDisk) {
		m.panelErrors.WithLabelValues(kindOf(err)).Inc()
	}
}

// Sends counts the recipients of one SendSMS.
func (m *Metrics) Sends(recipients int, results []smsapi.Result, failure error) {
	if failure != nil {
		m.sent.WithLabelValues(kindOf(failure)).Add(float64(recipients))
		return
	}
	for _, r := range results {
		if r.Err != nil {
			m.sent.WithLabelValues(r.Err.Kind.String()).Inc()
			recipients--
		}
	}
	m.sent.WithLabelValues(accepted).Add(float64(recipients))
}

// PanelAsked counts a call to the panel.
func (m *Metrics) PanelAsked(method string, took time.Duration, err error) {
	m.panelTook.WithLabelValues(method).Observe(took.Seconds())
	if err != nil {
		m.panelErrors.WithLabelValues(kindOf(err)).Inc()
	}
}

// Received counts SMS that were stored for the first time.
func (m *Metrics) Received(n int) { m.received.Add(float64(n)) }

// Credit notes the credit left at the panel.
func (m *Metrics) Credit(amount float64) { m.credit.Store(&amount) }

// Fetched notes that the panel answered a fetch well.
func (m *Metrics) Fetched(at time.Time) { m.fetched.set(at) }

// Updated notes that Telegram answered getUpdates well.
func (m *Metrics) Updated(at time.Time) { m.updated.set(at) }

// Ready returns nil when both networks have answered well within these times before now. Its error says in one line which has not, and
// since when.
func (m *Metrics) Ready(now time.Time, fetches, updates time.Duration) error {
	var stale []string
	for _, words := range []string{
		m.fetched.stale("no good answer of the panel to GetMsg", fetches, now),
		m.updated.stale("no good answer of Telegram to getUpdates", updates, now),
	} {
		if words != "" {
			stale = append(stale, words)
		}
	}
	if len(stale) > 0 {
		return errors.New(strings.Join(stale, "; "))
	}
	return nil
}

func kindOf(err error) string {
	if e, ok := errors.AsType[*smsapi.Error](err); ok {
		return e.Kind.String()
	}
	return smsapi.Uncertain.String()
}

// The figures that are read when metrics are collected.
var (
	postsWaiting  = gauge("peyk_posts_waiting", "What chats are to show, each when it is its turn.")
	postsUnrouted = gauge("peyk_posts_without_chat", "What is to be shown while there is no chat for it.")
	oldestSMS     = gauge("peyk_posts_oldest_sms_age_seconds", "How long the first SMS has waited to be shown; 0 when none waits.")
	outboxPieces  = gauge("peyk_outbox_pieces", "Requests to send, of up to 60 recipients each, that wait or are under way.")
	oldestOrder   = gauge("peyk_outbox_oldest_order_age_seconds", "How long ago the first order was given that has not gone out; 0 when all have.")
	uncertain     = gauge("peyk_uncertain_pieces", "Requests to send of which nobody knows whether they were carried out, and no agent has decided.")
	undecoded     = gauge("peyk_undecoded_answers", "Answers of the panel kept because they could not be read.")
	storeSize     = gauge("peyk_store_size_bytes", "Size of the store's file.")
	panelCredit   = gauge("peyk_panel_credit", "Credit at the panel when it was last asked for, in the panel's own unit.")
	lastFetch     = gauge("peyk_panel_last_fetch_timestamp_seconds", "When the panel last answered a GetMsg well; 0 is never.")
	lastUpdates   = gauge("peyk_telegram_last_updates_timestamp_seconds", "When Telegram last answered a getUpdates well; 0 is never.")
)

func gauge(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }

// Watch adds the figures of an open store, in the place of those of the one before.
func (m *Metrics) Watch(st *store.Store) {
	m.Unwatch()
	m.MustRegister(gauges{m, st})
}

// Unwatch removes the figures of a store that is to be closed.
func (m *Metrics) Unwatch() { m.Unregister(gauges{}) }

type gauges struct {
	*Metrics
	store *store.Store
}

func (gauges) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		postsWaiting, postsUnrouted, oldestSMS, outboxPieces, oldestOrder, uncertain, undecoded, storeSize, panelCredit, lastFetch, lastUpdates,
	} {
		to <- d
	}
}

func (g gauges) Collect(to chan<- prometheus.Metric) {
	tell := func(of *prometheus.Desc, value float64) {
		to <- prometheus.MustNewConstMetric(of, prometheus.GaugeValue, value)
	}
	now := time.Now()
	age := func(since time.Time) float64 {
		if since.IsZero() {
			return 0
		}
		return max(0, now.Sub(since).Seconds())
	}
	tell(lastFetch, g.fetched.seconds())
	tell(lastUpdates, g.updated.seconds())
	if credit := g.credit.Load(); credit != nil {
		tell(panelCredit, *credit)
	}
	n, err := g.store.Stats()
	if err != nil {
		to <- prometheus.NewInvalidMetric(postsWaiting, err)
		return
	}
	tell(postsWaiting, float64(n.Posts))
	tell(postsUnrouted, float64(n.Unrouted))
	tell(oldestSMS, age(n.OldestSMS))
	tell(outboxPieces, float64(n.Pieces))
	tell(oldestOrder, age(n.OldestOrder))
	tell(uncertain, float64(n.Uncertain))
	tell(undecoded, float64(n.Undecoded))
	tell(storeSize, float64(n.Size))
}

// moment is a time that several goroutines set and read; the zero value is never.
type moment struct{ ns atomic.Int64 }

func (m *moment) set(at time.Time) { m.ns.Store(at.UnixNano()) }

func (m *moment) seconds() float64 { return float64(m.ns.Load()) / 1e9 }

// stale returns what, with since when, if the moment is longer ago than limit; "" if it is not.
func (m *moment) stale(what string, limit time.Duration, now time.Time) string {
	switch last := time.Unix(0, m.ns.Load()); {
	case m.ns.Load() == 0:
		return what + " since the start"
	case now.Sub(last) > limit:
		return what + " since " + last.UTC().Format(time.RFC3339)
	}
	return ""
}
