package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/adminfront"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/loadgen"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/node"
)

const (
	topKeys       = 5
	maxReplyBytes = 1 << 20
)

// showHotKeys waits, asks the server for the hot keys of each label, and prints
// them. It fails unless the planted one is the first of each.
func showHotKeys(ctx context.Context, admin string, wait time.Duration) error {
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return ctx.Err()
	}
	text := "\n"
	var failures []error
	for _, of := range []struct {
		label keyviz.Label
		kind  string
	}{
		{keyviz.LabelDynamo, loadgen.DynamoDBKind}, {keyviz.LabelRawKV, loadgen.RawKVKind}, {keyviz.LabelRedis, loadgen.RedisKind},
		{keyviz.LabelS3, loadgen.S3Kind}, {keyviz.LabelSQS, loadgen.SQSKind},
	} {
		reply, err := askForHotKeys(ctx, admin, of.label)
		if err != nil {
			return fmt.Errorf("hot keys of %s: %w", of.label, err)
		}
		keys, info := reply.Keys(), reply.Info()
		reply.Close()
		text += fmt.Sprintf("hot keys of %s: the top %d of %d writes in %v, each with its bounds\n", of.label, len(keys), info.SampledN*info.SampleRate, step)
		for _, one := range keys {
			text += fmt.Sprintf("  %-26s %6d   between %d and %d\n", one.Key, one.Count, one.CountLow, one.CountHigh)
		}
		if planted := loadgen.HotKey(of.kind); len(keys) == 0 || string(keys[0].Key) != planted {
			failures = append(failures, fmt.Errorf("hot keys of %s: %s was planted, and isn't the first", of.label, planted))
		}
	}
	if len(failures) == 0 {
		text += "check: the planted key is the first of each label\n"
	}
	fmt.Print(text)
	return errors.Join(failures...)
}

func askForHotKeys(ctx context.Context, admin string, label keyviz.Label) (*keyviz.HotKeys, error) {
	query := url.Values{
		"route_id": {strconv.FormatUint(node.RouteID, 10)},
		"label":    {string(label)},
		"top":      {strconv.Itoa(topKeys)},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+adminfront.Path+"hotkeys?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxReplyBytes))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", response.Status, body)
	}
	return keyviz.ParseHotKeysJSON(body, maxReplyBytes)
}
