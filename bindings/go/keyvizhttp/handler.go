// Package keyvizhttp serves the traffic heatmap over HTTP: the live page, and the matrix and the hot keys that it shows, of
// one node or of a cluster.
//
//	handler, err := keyvizhttp.New(keyvizhttp.Options{Sampler: sampler, Node: "n1", Peers: []string{"http://n2:8080/keyviz/"}})
//	...
//	mux.Handle("/keyviz/", authenticated(handler))
//
// The page is at the path that the handler is mounted at (it ends in a slash), and the rest beside it:
//
//	GET …/                                                    the page
//	GET …/matrix?series=&from_unix_ms=&to_unix_ms=&rows=      the matrix, as JSON
//	GET …/hotkeys?route_id=&label=&sub_bucket=&series=&top=&from_unix_ms=&to_unix_ms=
//	                                                          the hot keys of a route, as JSON
//
// What is empty or left out has its default: the writes, all columns, as many rows as there may be, 20 keys. Times are Unix
// milliseconds, and 0 is no bound; a matrix has the columns with from <= time < to.
//
// # Authentication is the host's
//
// The handler authenticates nobody, and what it shows are keys of the store: mount it behind the host's own middleware. It
// passes no header and no cookie on to peers, but those that [Options.Forward] sets.
//
// # Clusters
//
// With peers, the handler asks each of them for its matrix or hot keys, all at once, and merges them with its own. A peer
// that fails in any way is listed in the answer with the reason, by the name that it gave when it last answered (until then,
// by its address), and the rest is shown. Requests among nodes carry the header X-Admin-Fanout-Peer; what carries it is
// answered by this node alone, in headers that say which node it is: one that is reached by several addresses counts once.
//
// # Errors
//
// An error is {"code", "message"}: method_not_allowed (405, for anything but GET), keyviz_disabled (503, a nil or closed
// sampler), hotkeys_disabled (503), invalid_query (400), out_of_snapshot_window (400: the hot keys are of another time),
// no_snapshot (404: there are no hot keys of that), not_found (404).
package keyvizhttp

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

// Defaults of [Options].
const (
	DefaultPeerTimeout  = 2 * time.Second
	DefaultMaxPeerBytes = 64 << 20
)

// Options say what a handler serves. The zero Options: nothing but errors, since there is no sampler.
type Options struct {
	// Sampler is this node's; nil: the feature is off, and every answer says so.
	Sampler *keyviz.MemSampler
	// Node is this node's name, which no other node of the cluster has: two answers of one name count once. It is needed
	// where there are Peers, and is text that can stand in an HTTP header.
	Node string
	// Peers are the URLs that the other nodes' handlers are mounted at: "http://n2:8080/keyviz/". This node's own may be
	// among them: it doesn't count twice.
	Peers []string
	// Forward sets what a request to a peer needs to be let in, of the request that came: a header, a cookie. It is called
	// for one peer after the other, by the goroutine that serves the request. Default: nothing.
	Forward func(toPeer, came *http.Request)
	// Client asks the peers. It follows no redirect, whatever it would do otherwise. Default: one without proxy or cookies.
	Client *http.Client
	// PeerTimeout is how long a peer may take for its answer, 2 s by default. (Where there are many, answers are read some
	// at a time; what they wait for each other doesn't count. A request takes no more than four times as long in all.)
	PeerTimeout time.Duration
	// MaxPeerBytes is the longest answer that is taken, 64 MiB by default.
	MaxPeerBytes int
	// Title of the page.
	Title string
	// Mode says what happens to rows over the budget.
	Mode keyviz.BudgetMode
}

// Handler serves the page, the matrix and the hot keys. Any number of goroutines may use it.
type Handler struct {
	options Options
	// instance tells this handler from every other one, whatever they are called.
	instance string
	peers    []*peer
	client   *http.Client
	page     []byte
	policy   string
}

// New makes a handler. Errors: a peer that is no http or https URL, peers and no Node, or a Node that can't stand in a header.
func New(options Options) (*Handler, error) {
	if options.PeerTimeout <= 0 {
		options.PeerTimeout = DefaultPeerTimeout
	}
	if options.MaxPeerBytes <= 0 {
		options.MaxPeerBytes = DefaultMaxPeerBytes
	}
	if len(options.Peers) > 0 && options.Node == "" {
		return nil, errors.New("keyvizhttp: a node with peers needs a name")
	}
	if !canStandInAHeader(options.Node) {
		return nil, fmt.Errorf("keyvizhttp: the name %q of a node can't stand in an HTTP header", options.Node)
	}
	h := &Handler{options: options, instance: rand.Text()}
	for _, text := range options.Peers {
		one, err := parsePeer(text)
		if err != nil {
			return nil, err
		}
		h.peers = append(h.peers, one)
	}
	h.client = peerClient(options.Client)
	if keyviz.Ready() != nil {
		return h, nil
	}
	live := keyviz.LivePageOptions{Title: options.Title, MatrixURL: "matrix"}
	if enabled, _, _, _ := options.Sampler.HotKeysOptions(); enabled {
		live.HotKeysURL = "hotkeys"
	}
	page, err := keyviz.LivePage(live)
	if err != nil {
		return nil, err
	}
	h.page, h.policy = page, keyviz.LivePagePolicy()
	return h, nil
}

// ServeHTTP goes by the end of the path, wherever the handler is mounted.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if isOfPeer(r) {
		header.Set(nodeHeader, h.options.Node)
		header.Set(instanceHeader, h.instance)
	}
	if r.Method != http.MethodGet {
		header.Set("Allow", http.MethodGet)
		fail(w, http.StatusMethodNotAllowed, "method_not_allowed", r.Method+" is not GET")
		return
	}
	switch r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:] {
	case "":
		h.servePage(w)
	case "matrix":
		h.serveMatrix(w, r)
	case "hotkeys":
		h.serveHotKeys(w, r)
	default:
		fail(w, http.StatusNotFound, "not_found", "there is the page at the path that ends in a slash, and beside it: matrix, hotkeys")
	}
}

// isOff tells whether there is nothing to show: no sampler, or a build that can't count.
func (h *Handler) isOff() bool {
	return h.options.Sampler == nil || h.page == nil
}

func (h *Handler) servePage(w http.ResponseWriter) {
	if h.isOff() {
		disabled(w)
		return
	}
	header := w.Header()
	header.Set("Content-Security-Policy", h.policy)
	header.Set("Referrer-Policy", "no-referrer")
	send(w, http.StatusOK, "text/html; charset=utf-8", h.page)
}

func (h *Handler) serveMatrix(w http.ResponseWriter, r *http.Request) {
	if h.isOff() {
		disabled(w)
		return
	}
	parameters, err := url.ParseQuery(r.URL.RawQuery)
	query := keyviz.MatrixQuery{}
	if err == nil {
		query, err = parseQuery(parameters)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, "invalid_query", err.Error())
		return
	}
	query.Node, query.Mode = h.options.Node, h.options.Mode
	ofPeer := isOfPeer(r)
	asksPeers := len(h.peers) > 0 && !ofPeer
	whole := query
	if asksPeers {
		query.Rows = 0 // The budget is for the merged matrix.
	}
	if (ofPeer || asksPeers) && (query.Series == keyviz.SeriesWrites || query.Series == keyviz.SeriesWriteBytes) {
		query.Mode = keyviz.BudgetTop // The writes of several groups in one cell could not be merged again.
	}
	matrix, err := h.options.Sampler.Matrix(query)
	if err == nil && asksPeers {
		own := matrix
		matrix, err = h.askPeers(r, own, whole)
		own.Close()
	}
	var body []byte
	if err == nil {
		body, err = matrix.JSON()
		matrix.Close()
	}
	switch {
	case r.Context().Err() != nil: // Nobody waits any more.
	case errors.Is(err, keyviz.ErrDisabled):
		disabled(w)
	case err != nil:
		fail(w, http.StatusInternalServerError, "internal", err.Error())
	default:
		send(w, http.StatusOK, "application/json", body)
	}
}

// parseQuery reads a matrix's parameters; what is empty or missing has its default, which for the series is writes.
func parseQuery(values url.Values) (keyviz.MatrixQuery, error) {
	query := keyviz.MatrixQuery{Series: keyviz.SeriesWrites}
	if name := values.Get("series"); name != "" {
		series, err := keyviz.ParseSeries(name)
		if err != nil {
			return query, fmt.Errorf("series must be reads, writes, read_bytes or write_bytes, and is %q", name)
		}
		query.Series = series
	}
	for _, bound := range []struct {
		name string
		to   *time.Time
	}{{"from_unix_ms", &query.From}, {"to_unix_ms", &query.To}} {
		if text := values.Get(bound.name); text != "" {
			ms, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return query, fmt.Errorf("%s must be a number of milliseconds, and is %q", bound.name, text)
			}
			if ms != 0 {
				*bound.to = time.UnixMilli(ms)
			}
		}
	}
	if !query.From.IsZero() && !query.To.IsZero() && query.From.After(query.To) {
		return query, errors.New("from_unix_ms is after to_unix_ms")
	}
	if text := values.Get("rows"); text != "" {
		rows, err := strconv.Atoi(text)
		if err != nil || rows < 0 {
			return query, fmt.Errorf("rows must be a number from 0 on, and is %q", text)
		}
		query.Rows = rows
	}
	return query, nil
}

func disabled(w http.ResponseWriter) {
	fail(w, http.StatusServiceUnavailable, "keyviz_disabled", "the traffic sampler of this node is off")
}

func fail(w http.ResponseWriter, status int, code, message string) {
	// Strings always marshal.
	body, _ := json.Marshal(struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}{code, message})
	send(w, status, "application/json", body)
}

func send(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // A client that went away doesn't matter.
}
