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
	name string
	url  *url.URL
}

func parsePeer(text string) (peer, error) {
	u, err := url.Parse(text)
	if err != nil {
		return peer{}, fmt.Errorf("keyvizhttp: peer: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return peer{}, fmt.Errorf("keyvizhttp: peer %q is not the URL of a handler, like http://host:port/path/", u.Redacted())
	}
	return peer{name: u.Host + strings.TrimSuffix(u.Path, "/"), url: u.JoinPath("matrix")}, nil
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
			matrix, err := h.ask(ctx, r, peer, mayRead)
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

// ask asks a peer for its matrix. The time until it may be read doesn't count as the peer's.
func (h *Handler) ask(ctx context.Context, r *http.Request, peer peer, mayRead <-chan struct{}) (*keyviz.Matrix, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	began := time.Now()
	late := time.AfterFunc(h.options.PeerTimeout, func() {
		cancel(fmt.Errorf("no answer within %v", h.options.PeerTimeout))
	})
	defer late.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, peer.url.String(), nil)
	if err != nil {
		return nil, err
	}
	if h.options.Forward != nil {
		h.options.Forward(request, r)
	}
	asked := r.URL.Query()
	parameters := url.Values{"rows": {strconv.Itoa(keyviz.MaxMatrixRows)}}
	for _, name := range []string{"series", "from_unix_ms", "to_unix_ms"} {
		if asked.Has(name) {
			parameters.Set(name, asked.Get(name))
		}
	}
	request.URL.RawQuery = parameters.Encode()
	request.Header.Set(fanoutHeader, h.options.Node)
	request.Header.Set("Accept", "application/json")
	response, err := h.client.Do(request)
	if err != nil {
		return nil, reason(ctx, err)
	}
	defer response.Body.Close()
	if mayRead != nil && late.Stop() {
		left := h.options.PeerTimeout - time.Since(began)
		select {
		case <-mayRead:
			late.Reset(left)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if response.StatusCode != http.StatusOK {
		told, _ := io.ReadAll(io.LimitReader(response.Body, maxErrorBytes))
		return nil, fmt.Errorf("HTTP %s: %s", response.Status, told)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, int64(h.options.MaxPeerBytes)+1))
	if err != nil {
		return nil, reason(ctx, err)
	}
	return keyviz.ParseMatrixJSON(body, keyviz.MatrixLimits{MaxBytes: h.options.MaxPeerBytes})
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
