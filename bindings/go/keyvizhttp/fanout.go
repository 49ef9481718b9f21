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
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

const (
	// maxErrorBytes is how much is told of what a peer did wrong.
	maxErrorBytes = 512
	// maxHeaderBytes is the longest header that is taken of an answer.
	maxHeaderBytes = 64 << 10
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
	// said is the name that it gave when it last answered; nil: none so far.
	said atomic.Pointer[string]
}

func parsePeer(text string) (*peer, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("keyvizhttp: peer: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("keyvizhttp: peer %q is not the URL of a handler, like http://host:port/path/", u.Redacted())
	}
	name := u.Host + strings.TrimSuffix(u.Path, "/")
	return &peer{name: name, matrix: u.JoinPath("matrix"), hotKeys: u.JoinPath("hotkeys")}, nil
}

// peerClient is the host's client, or one of its own, that follows no redirects: another address is not the peer.
func peerClient(hosts *http.Client) *http.Client {
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: maxHeaderBytes,
	}}
	if hosts != nil {
		*client = *hosts
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// askPeers merges this node's matrix with those of its peers, in the order of the list, so that equal answers give an equal
// result. All are asked at once; answers are read a window at a time. The query is for the merged matrix.
func (h *Handler) askPeers(r *http.Request, own *keyviz.Matrix, query keyviz.MatrixQuery) (*keyviz.Matrix, error) {
	merge, err := keyviz.NewMerge(keyviz.MergeOptions{Series: query.Series, Rows: query.Rows, Mode: query.Mode})
	if err != nil {
		return nil, err
	}
	defer merge.Close()
	if _, err := merge.Add(own, h.options.Node); err != nil {
		return nil, err
	}
	parameters := asked(r, "series", "from_unix_ms", "to_unix_ms")
	parameters.Set("rows", strconv.Itoa(keyviz.MaxMatrixRows))
	questions, err := h.questions(r, func(p *peer) *url.URL { return p.matrix }, parameters)
	if err != nil {
		return nil, err
	}
	late := errors.New("the nodes before took all the time")
	ctx, cancel := context.WithTimeoutCause(r.Context(), patience*h.options.PeerTimeout, late)
	defer cancel()
	answered := h.newRoll()
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
			told, err := h.askForMatrix(ctx, peer, questions[i], mayRead)
			if myTurn != nil {
				<-myTurn
			}
			if err == nil {
				err = add(merge, answered, told, peer)
				told.Close()
			}
			if err != nil {
				_ = merge.AddFailure(h.nameOf(peer), shortened(err.Error()))
			}
		}()
	}
	asking.Wait()
	return merge.Finish()
}

// add adds a peer's answer.
func add(merge *keyviz.Merge, answered *roll, told toldMatrix, peer *peer) error {
	if told.Fanout() != nil {
		return errors.New("it asked its own peers, whose traffic would count twice")
	}
	if counts, err := answered.enters(told.Node(), told.instance); !counts {
		return err
	}
	counted, err := merge.Add(told.Matrix, peer.name)
	if err == nil && !counted {
		err = fmt.Errorf("another node is called %s", peer.name)
	}
	return err
}

// toldMatrix is a peer's answer.
type toldMatrix struct {
	*keyviz.Matrix
	instance string
}

// askForMatrix asks a peer for its matrix.
func (h *Handler) askForMatrix(ctx context.Context, peer *peer, question *http.Request, mayRead <-chan struct{}) (toldMatrix, error) {
	answer, err := h.ask(ctx, peer, question, h.options.MaxPeerBytes, mayRead)
	if err != nil {
		return toldMatrix{}, err
	}
	if answer.status != http.StatusOK {
		return toldMatrix{}, answer.failure()
	}
	matrix, err := keyviz.ParseMatrixJSON(answer.body, keyviz.MatrixLimits{MaxBytes: h.options.MaxPeerBytes})
	return toldMatrix{matrix, answer.instance}, err
}

// questions are the requests to the peers, in their order.
func (h *Handler) questions(r *http.Request, at func(*peer) *url.URL, parameters url.Values) ([]*http.Request, error) {
	questions := make([]*http.Request, len(h.peers))
	for i, peer := range h.peers {
		question, err := http.NewRequest(http.MethodGet, at(peer).String(), nil)
		if err != nil {
			return nil, err
		}
		if h.options.Forward != nil {
			h.options.Forward(question, r)
		}
		question.URL.RawQuery = parameters.Encode()
		question.Header.Set(fanoutHeader, h.options.Node)
		question.Header.Set("Accept", "application/json")
		questions[i] = question
	}
	return questions, nil
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
	line string
	// node and instance say who sent it; "": it doesn't say.
	node, instance string
	body           []byte
}

func (a answer) failure() error {
	return fmt.Errorf("HTTP %s: %s", a.line, a.body[:min(len(a.body), maxErrorBytes)])
}

// ask asks a peer. Of an answer that is longer than most, one byte more is read; of one that isn't OK, what is told. The
// time until it may be read doesn't count as the peer's.
func (h *Handler) ask(ctx context.Context, peer *peer, question *http.Request, most int, mayRead <-chan struct{}) (answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	began := time.Now()
	late := time.AfterFunc(h.options.PeerTimeout, func() {
		cancel(fmt.Errorf("no answer within %v", h.options.PeerTimeout))
	})
	defer late.Stop()
	response, err := h.client.Do(question.WithContext(ctx))
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
	told := answer{
		status: response.StatusCode, line: response.Status,
		node: shortened(response.Header.Get(nodeHeader)), instance: response.Header.Get(instanceHeader),
	}
	if told.node != "" {
		peer.said.Store(&told.node)
	}
	if told.status != http.StatusOK {
		told.body, _ = io.ReadAll(io.LimitReader(response.Body, maxErrorBytes))
		return told, nil
	}
	if response.ContentLength > int64(most) {
		return answer{}, fmt.Errorf("%w: %d bytes, of at most %d", keyviz.ErrTooLarge, response.ContentLength, most)
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
