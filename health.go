package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"peyk/cluster"
	"peyk/internal/metrics"
)

// What a running bridge says about itself over HTTP: whether it is alive, whether it is ready, and metrics. It takes no commands and names nobody.

const (
	// alivePatience is how long the store's writer may take to answer: disks are slow at times, and killing the bridge does not fix that.
	alivePatience = 10 * time.Second
	// healthPatience is how long a client waits for the answer of /healthz.
	healthPatience = alivePatience + 2*time.Second
)

// alive is what /healthz says when all is well.
const alive = "alive"

// watched is what /healthz and /readyz ask: a bridge, or a member of a cluster.
type watched interface {
	Alive(context.Context) error
	Ready(now time.Time) (said string, _ error)
}

// serveHealth listens at address until stop is called, which waits until that has ended.
func serveHealth(address string, b watched, m *metrics.Metrics, log *slog.Logger) (stop func(), err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("HTTP_ADDR: %w: use another address, stop the program that uses this one, or leave it out", err)
	}
	m.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "peyk_build_info", Help: "1, with the version of peyk and of the Go it was built with.",
			ConstLabels: prometheus.Labels{"version": versionOf(), "goversion": runtime.Version()},
		}, func() float64 { return 1 }),
		// The library's own collector for Go would cost most of a megabyte.
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "go_goroutines", Help: "How many goroutines there are."},
			func() float64 { return float64(runtime.NumGoroutine()) }),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	server := &http.Server{
		Handler:           healthHandler(b, m, log),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second,
		MaxHeaderBytes: 8 << 10,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	server.SetKeepAlivesEnabled(false) // asked every few seconds: no need to hold a connection in between
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("health endpoint failed", "err", err)
		}
	}()
	log.Info("health endpoint listening", "address", listener.Addr().String())
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			server.Close()
		}
		<-ended
	}, nil
}

func healthHandler(b watched, m *metrics.Metrics, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	answer := func(path string, ask func(context.Context) (string, error)) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("Cache-Control", "no-store")
			well, err := ask(r.Context())
			if err != nil {
				w.WriteHeader(http.StatusServiceUnavailable)
				fmt.Fprintln(w, err)
				return
			}
			fmt.Fprintln(w, well)
		})
	}
	// It says nothing about the networks: restarting the bridge because Telegram is down fixes nothing.
	answer("/healthz", func(ctx context.Context) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, alivePatience)
		defer cancel()
		return alive, b.Alive(ctx)
	})
	answer("/readyz", func(context.Context) (string, error) { return b.Ready(time.Now()) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(m, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn), ErrorHandling: promhttp.ContinueOnError,
		MaxRequestsInFlight: 4, Timeout: 10 * time.Second,
		DisableCompression: true, // 25 KB are not worth a megabyte of memory
	}))
	return mux
}

// figures are what a member of a cluster says of itself.
func (m *member) figures() []prometheus.Collector {
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "peyk_cluster_leader", Help: "1 while this member leads, 0 while it follows."}, func() float64 {
			if m.Status().Role == cluster.Leading {
				return 1
			}
			return 0
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "peyk_cluster_lag_seconds", Help: "How long ago a follower had all, or etcd confirmed the leader."},
			func() float64 { return m.Status().Behind.Seconds() }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "peyk_cluster_takeovers_total", Help: "How often this process began to lead."},
			func() float64 { return float64(m.Status().Takeovers) }),
	}
}

// quickCheck asks the bridge that is running with these settings whether it is alive.
func (c *call) quickCheck(ctx context.Context) error {
	s, err := c.readSettings("HTTP_")
	if err != nil {
		return err
	}
	t := openSources(c.environ, ".env").Language
	if s.httpAddr == "" {
		fmt.Fprintln(c.stderr, t.Say(t.CommandSays, c.path, t.QuickOff))
		return exit(2)
	}
	said, status, err := askHealth(ctx, s.httpAddr)
	switch {
	case err != nil:
		fmt.Fprintln(c.stdout, t.Say(t.QuickSilent, err))
	case status != http.StatusOK:
		fmt.Fprintln(c.stdout, t.Say(t.QuickIll, status, said))
	default:
		fmt.Fprintln(c.stdout, t.QuickAlive)
		return nil
	}
	return exit(1)
}

// askHealth returns what the bridge at address says of itself, in one line, and with which HTTP status.
func askHealth(ctx context.Context, address string) (said string, status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/healthz", nil)
	if err != nil {
		return "", 0, err
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req) // never through a proxy from the environment
	if err != nil {
		return "", 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
	said, _, _ = strings.Cut(string(body), "\n")
	return said, resp.StatusCode, err
}
