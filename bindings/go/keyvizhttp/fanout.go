package keyvizhttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

const (
	// fanoutHeader, in its canonical form, is on requests among nodes.
	fanoutHeader = "X-Admin-Fanout-Peer"
	// maxErrorBytes is how much is told of what a peer did wrong.
	maxErrorBytes = 512
	// window is how many answers may be on their way in at once: it bounds the memory.
	window = 8
	// patience is how many peer timeouts a request takes at most: it bounds the time.
	patience = 4
)

// peer is another node's handler.
type peer struct {
	// name is what it is called unless it says so itself.
	name            string
	matrix, hotKeys *url.URL
}

func parsePeer(text string) (peer, error) {
	u, err := url.Parse(text)
	if err != nil {
		return peer{}, fmt.Errorf("keyvizhttp: peer: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return peer{}, fmt.Errorf("keyvizhttp: peer %q is not the URL of a handler, like http://host:port/path/", u.Redacted())
	}
	return peer{name: u.Host + strings.TrimSuffix(u.Path, "/"), matrix: u.JoinPath("matrix"), hotKeys: u.JoinPath("hotkeys")}, nil
}

// peerClient is the host's client, or one of its own, that follows no redirects: another address is not the peer.
func peerClient(hosts *http.Client) *http.Client {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute}}
	if hosts != nil {
		*client = *hosts
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// askPeers merges this node's matrix with those of its peers, in the order of the list, so that equal answers give an equal
// result. All are asked at once; answers are read a window at a time.
func (h *Handler) askPeers(r *http.Request, own *keyviz.Matrix, query keyviz.MatrixQuery, rows int) (*keyviz.Matrix, error) {
	merge, err := keyviz.NewMerge(keyviz.MergeOptions{Series: query.Series, Rows: rows, Mode: query.Mode})
	if err != nil {
		return nil, err
	}
	defer merge.Close()
	if _, err := merge.Add(own, h.options.Node); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), patience*h.options.PeerTimeout, errors.New("the nodes before took all the time"))
	defer cancel()
	merged := make([]chan struct{}, len(h.peers))
	for i := range merged {
		merged[i] = make(chan struct{})
	}
	var asking sync.WaitGroup
	for i, peer := range h.peers {
		var mayRead, myTurn <-chan struct{}
		if i >= window {
			mayRead = merged[i-window]
		}
		if i > 0 {
			myTurn = merged[i-1]
		}
		asking.Add(1)
		go func() {
			defer asking.Done()
			defer close(merged[i])
			matrix, err := h.askForMatrix(ctx, r, peer, mayRead)
			if myTurn != nil {
				<-myTurn
			}
			if err == nil {
				err = h.add(merge, matrix, peer)
				matrix.Close()
			}
			if err != nil {
				_ = merge.AddFailure(peer.name, shortened(err.Error()))
			}
		}()
	}
	asking.Wait()
	return merge.Finish()
}

// add adds a peer's answer.
func (h *Handler) add(merge *keyviz.Merge, matrix *keyviz.Matrix, peer peer) error {
	if matrix.Fanout() != nil {
		return errors.New("it asked its own peers, whose traffic would count twice")
	}
	counted, err := merge.Add(matrix, peer.name)
	if err != nil || counted || matrix.Node() == h.options.Node {
		return err
	}
	return fmt.Errorf("it says that it is %s, which is in already", matrix.Node())
}

// askForMatrix asks a peer for its matrix.
func (h *Handler) askForMatrix(ctx context.Context, r *http.Request, peer peer, mayRead <-chan struct{}) (*keyviz.Matrix, error) {
	parameters := asked(r, "series", "from_unix_ms", "to_unix_ms")
	parameters.Set("rows", strconv.Itoa(keyviz.MaxMatrixRows))
	answer, err := h.ask(ctx, r, peer.matrix, parameters, h.options.MaxPeerBytes, mayRead)
	if err != nil {
		return nil, err
	}
	if answer.status != http.StatusOK {
		return nil, answer.failure()
	}
	return keyviz.ParseMatrixJSON(answer.body, keyviz.MatrixLimits{MaxBytes: h.options.MaxPeerBytes})
}

// asked are those parameters of a request that have these names.
func asked(r *http.Request, names ...string) url.Values {
	all, parameters := r.URL.Query(), url.Values{}
	for _, name := range names {
		if all.Has(name) {
			parameters.Set(name, all.Get(name))
		}
	}
	return parameters
}

// answer is what a peer sent.
type answer struct {
	status int
	// line is the status for people.
	line   string
	header http.Header
	body   []byte
}

func (a answer) failure() error {
	return fmt.Errorf("HTTP %s: %s", a.line, a.body[:min(len(a.body), maxErrorBytes)])
}

// ask asks a peer. Of an answer that is longer than most, one byte more is read; of one that isn't OK, what is told. The
// time until it may be read doesn't count as the peer's.
func (h *Handler) ask(ctx context.Context, r *http.Request, at *url.URL, parameters url.Values, most int, mayRead <-chan struct{}) (answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	began := time.Now()
	late := time.AfterFunc(h.options.PeerTimeout, func() {
		cancel(fmt.Errorf("no answer within %v", h.options.PeerTimeout))
	})
	defer late.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return answer{}, err
	}
	if h.options.Forward != nil {
		h.options.Forward(request, r)
	}
	request.URL.RawQuery = parameters.Encode()
	request.Header.Set(fanoutHeader, h.options.Node)
	request.Header.Set("Accept", "application/json")
	response, err := h.client.Do(request)
	if err != nil {
		return answer{}, reason(ctx, err)
	}
	defer response.Body.Close()
	if mayRead != nil && late.Stop() {
		left := h.options.PeerTimeout - time.Since(began)
		select {
		case <-mayRead:
			late.Reset(left)
		case <-ctx.Done():
			return answer{}, context.Cause(ctx)
		}
	}
	told := answer{status: response.StatusCode, line: response.Status, header: response.Header}
	if told.status != http.StatusOK {
		told.body, _ = io.ReadAll(io.LimitReader(response.Body, maxErrorBytes))
		return told, nil
	}
	told.body, err = io.ReadAll(io.LimitReader(response.Body, int64(most)+1))
	if err != nil {
		return answer{}, reason(ctx, err)
	}
	return told, nil
}

// reason is why a request failed, without its address.
func reason(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// shortened makes of what a peer sent, perhaps, one line of text that is not too long.
func shortened(text string) string {
	text = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if len(text) <= maxErrorBytes {
		return text
	}
	cut := maxErrorBytes
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut]
}
