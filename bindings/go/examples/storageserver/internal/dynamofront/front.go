// Package dynamofront is the DynamoDB front end: tables with a partition key,
// and items to put, get and delete, one by one or in batches. It checks no
// signature. A parameter that it doesn't have, such as a condition, is refused.
package dynamofront

import (
	"net"
	"net/http"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/awsjson"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/httpserver"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/store"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

const (
	maxBodyBytes  = 16 << 20
	maxBatchGet   = 100
	maxBatchWrite = 25
)

// New prepares a front end on listener, which it owns from here on.
func New(listener net.Listener, s *store.Space, recorder traffic.Recorder) *httpserver.Front {
	d := &dispatcher{store: s, recorder: recorder}
	return httpserver.New(listener, &awsjson.Service{
		Target:    "DynamoDB_20120810.",
		Namespace: "com.amazonaws.dynamodb.v20120810#",
		MaxBody:   maxBodyBytes,
		CRC32:     true,

		Unsupported: awsjson.Error{Code: "ValidationException"},
		Operations: map[string]awsjson.Operation{
			"CreateTable":    awsjson.Op(d.createTable),
			"DescribeTable":  awsjson.Op(d.describeTable),
			"PutItem":        awsjson.Op(d.putItem),
			"GetItem":        awsjson.Op(d.getItem),
			"DeleteItem":     awsjson.Op(d.deleteItem),
			"BatchGetItem":   awsjson.Op(d.batchGetItem),
			"BatchWriteItem": awsjson.Op(d.batchWriteItem),
		},
	})
}

// dispatcher runs operations. One that names items counts an access for each
// item, under the table's name, a slash and the partition key; an item's length
// is its size. A refused operation counts nothing, and neither do those on
// tables.
type dispatcher struct {
	store    *store.Space
	recorder traffic.Recorder
}

// ignored are parameters that change nothing here: all reads are consistent, and
// nothing is metered.
type ignored struct {
	ConsistentRead              bool
	ReturnConsumedCapacity      string
	ReturnItemCollectionMetrics string
}

type putItem struct {
	ignored
	TableName    string
	Item         item
	ReturnValues string
}

func (d *dispatcher) putItem(_ *http.Request, in *putItem) (any, error) {
	if err := returnsNothing(in.ReturnValues); err != nil {
		return nil, err
	}
	w, err := d.prepare(in.TableName, write{Put: &put{in.Item}})
	if err != nil {
		return nil, err
	}
	d.apply(w)
	return struct{}{}, nil
}

type getItem struct {
	ignored
	TableName string
	Key       item
}

func (d *dispatcher) getItem(_ *http.Request, in *getItem) (any, error) {
	key, err := d.locate(in.TableName, in.Key)
	if err != nil {
		return nil, err
	}
	data, _ := d.store.Get(key)
	found, err := d.read(key, data)
	if err != nil || found == nil {
		return struct{}{}, err
	}
	return map[string]item{"Item": found}, nil
}

type deleteItem struct {
	ignored
	TableName    string
	Key          item
	ReturnValues string
}

func (d *dispatcher) deleteItem(_ *http.Request, in *deleteItem) (any, error) {
	if err := returnsNothing(in.ReturnValues); err != nil {
		return nil, err
	}
	w, err := d.prepare(in.TableName, write{Delete: &remove{in.Key}})
	if err != nil {
		return nil, err
	}
	d.apply(w)
	return struct{}{}, nil
}

type keysOfTable struct {
	Keys           []item
	ConsistentRead bool
}

type batchGetItem struct {
	ignored
	RequestItems map[string]keysOfTable
}

func (d *dispatcher) batchGetItem(_ *http.Request, in *batchGetItem) (any, error) {
	var tables []string
	var keys [][]byte
	for name, asked := range in.RequestItems {
		for _, attributes := range asked.Keys {
			key, err := d.locate(name, attributes)
			if err != nil {
				return nil, err
			}
			tables = append(tables, name)
			keys = append(keys, key)
		}
	}
	if err := checkBatch(keys, maxBatchGet); err != nil {
		return nil, err
	}
	responses := make(map[string][]item)
	for name := range in.RequestItems {
		responses[name] = []item{}
	}
	for i, data := range d.store.GetMany(keys) {
		found, err := d.read(keys[i], data)
		if err != nil {
			return nil, err
		}
		if found != nil {
			responses[tables[i]] = append(responses[tables[i]], found)
		}
	}
	return map[string]any{"Responses": responses, "UnprocessedKeys": struct{}{}}, nil
}

type put struct{ Item item }

type remove struct{ Key item }

// write is one of the two.
type write struct {
	Put    *put    `json:"PutRequest"`
	Delete *remove `json:"DeleteRequest"`
}

type batchWriteItem struct {
	ignored
	RequestItems map[string][]write
}

func (d *dispatcher) batchWriteItem(_ *http.Request, in *batchWriteItem) (any, error) {
	var writes []prepared
	var keys [][]byte
	for name, requests := range in.RequestItems {
		for _, request := range requests {
			w, err := d.prepare(name, request)
			if err != nil {
				return nil, err
			}
			writes = append(writes, w)
			keys = append(keys, w.key)
		}
	}
	if err := checkBatch(keys, maxBatchWrite); err != nil {
		return nil, err
	}
	d.apply(writes...)
	return map[string]any{"UnprocessedItems": struct{}{}}, nil
}

func checkBatch(keys [][]byte, most int) error {
	if len(keys) == 0 || len(keys) > most {
		return invalid("a batch must have 1 to %d items", most)
	}
	seen := make(map[string]struct{}, len(keys))
	for _, key := range keys {
		seen[string(key)] = struct{}{}
	}
	if len(seen) < len(keys) {
		return invalid("Provided list of item keys contains duplicates")
	}
	return nil
}

// locate returns where the item with this key is stored.
func (d *dispatcher) locate(tableName string, key item) ([]byte, error) {
	t, err := d.find(tableName)
	if err != nil {
		return nil, err
	}
	return t.onlyKeyOf(key)
}

// read counts a read of what was stored under key, nil for nothing.
func (d *dispatcher) read(key, data []byte) (item, error) {
	if data == nil {
		d.recorder.Read(key, 0)
		return nil, nil
	}
	found, size, err := decode(data)
	if err != nil {
		return nil, err
	}
	d.recorder.Read(key, size)
	return found, nil
}

// prepared is a write that was checked.
type prepared struct {
	key  []byte
	data []byte // nil for a delete
	size int
}

func (d *dispatcher) prepare(tableName string, w write) (p prepared, err error) {
	if (w.Put == nil) == (w.Delete == nil) {
		return p, invalid("a write must be a PutRequest or a DeleteRequest")
	}
	if w.Delete != nil {
		p.key, err = d.locate(tableName, w.Delete.Key)
		return p, err
	}
	t, err := d.find(tableName)
	if err != nil {
		return p, err
	}
	if p.key, err = t.keyOf(w.Put.Item); err != nil {
		return p, err
	}
	p.data, p.size, err = w.Put.Item.encode()
	return p, err
}

// apply counts writes and does them.
func (d *dispatcher) apply(writes ...prepared) {
	var set []store.Pair
	var deleted [][]byte
	for _, w := range writes {
		d.recorder.Write(w.key, w.size)
		if w.data == nil {
			deleted = append(deleted, w.key)
		} else {
			set = append(set, store.Pair{Key: w.key, Value: w.data})
		}
	}
	d.store.Apply(set, deleted)
}

func returnsNothing(returnValues string) error {
	if returnValues != "" && returnValues != "NONE" {
		return invalid("this server does not support ReturnValues %q", returnValues)
	}
	return nil
}
