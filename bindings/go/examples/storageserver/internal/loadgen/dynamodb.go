package loadgen

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

// An item has its key, some bytes, and their number.
const (
	idName    = "id"
	dataName  = "data"
	countName = "count"
)

type dynamoDBClient struct {
	client    *dynamodb.Client
	transport *http.Transport
}

func newDynamoDBClient(addr string, workers int) client {
	cfg, transport := AWSConfig(addr, workers)
	return &dynamoDBClient{client: dynamodb.NewFromConfig(cfg), transport: transport}
}

func (c *dynamoDBClient) label() keyviz.Label { return keyviz.LabelDynamo }

func (c *dynamoDBClient) prepare(ctx context.Context) error {
	for digit := range uint64(containers) {
		_, err := c.client.CreateTable(ctx, &dynamodb.CreateTableInput{
			TableName:            aws.String(containerOf(digit, DynamoDBKind)),
			KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String(idName), KeyType: types.KeyTypeHash}},
			AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String(idName), AttributeType: types.ScalarAttributeTypeS}},
			BillingMode:          types.BillingModePayPerRequest,
		})
		var exists *types.ResourceInUseException
		if err != nil && !errors.As(err, &exists) {
			return err
		}
	}
	return nil
}

func (c *dynamoDBClient) close() error {
	c.transport.CloseIdleConnections()
	return nil
}

func (c *dynamoDBClient) request(ctx context.Context, w *workload, t *Tally) error {
	switch p := w.percent(); {
	case p < 50:
		return c.get(ctx, w, t)
	case p < 78:
		return c.put(ctx, w, t)
	case p < 84:
		return c.delete(ctx, w, t)
	case p < 93:
		return c.batchGet(ctx, w, t)
	default:
		return c.batchWrite(ctx, w, t)
	}
}

func (c *dynamoDBClient) get(ctx context.Context, w *workload, t *Tally) error {
	at := w.place()
	t.SentReads++
	output, err := c.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &at.container, Key: keyOfItem(at)})
	if err != nil {
		return err
	}
	t.Acknowledged.AddRead(len(at.key()), itemSize(output.Item))
	return nil
}

func (c *dynamoDBClient) put(ctx context.Context, w *workload, t *Tally) error {
	at := w.place()
	item := newItem(at, w.value())
	t.SentWrites++
	if _, err := c.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &at.container, Item: item}); err != nil {
		return err
	}
	t.Acknowledged.AddWrite(len(at.key()), itemSize(item))
	return nil
}

func (c *dynamoDBClient) delete(ctx context.Context, w *workload, t *Tally) error {
	at := w.place()
	t.SentWrites++
	if _, err := c.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &at.container, Key: keyOfItem(at)}); err != nil {
		return err
	}
	t.Acknowledged.AddWrite(len(at.key()), 0)
	return nil
}

func (c *dynamoDBClient) batchGet(ctx context.Context, w *workload, t *Tally) error {
	places := w.places(8)
	asked := make(map[string]types.KeysAndAttributes)
	for _, at := range places {
		keys := asked[at.container]
		keys.Keys = append(keys.Keys, keyOfItem(at))
		asked[at.container] = keys
	}
	t.SentReads += uint64(len(places))
	output, err := c.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: asked})
	if err != nil {
		return err
	}
	if len(output.UnprocessedKeys) > 0 {
		return fmt.Errorf("of %d keys, %d were left unprocessed", len(places), len(output.UnprocessedKeys))
	}
	sizes := make(map[place]int)
	for table, items := range output.Responses {
		for _, item := range items {
			id, _ := item[idName].(*types.AttributeValueMemberS)
			if id == nil {
				return errors.New("an item came without its key")
			}
			sizes[place{table, id.Value}] = itemSize(item)
		}
	}
	for _, at := range places {
		t.Acknowledged.AddRead(len(at.key()), sizes[at])
	}
	return nil
}

func (c *dynamoDBClient) batchWrite(ctx context.Context, w *workload, t *Tally) error {
	places := w.places(6)
	asked := make(map[string][]types.WriteRequest)
	var written Tally
	for _, at := range places {
		var request types.WriteRequest
		size := 0
		if w.percent() < 80 {
			item := newItem(at, w.value())
			request.PutRequest = &types.PutRequest{Item: item}
			size = itemSize(item)
		} else {
			request.DeleteRequest = &types.DeleteRequest{Key: keyOfItem(at)}
		}
		asked[at.container] = append(asked[at.container], request)
		written.Acknowledged.AddWrite(len(at.key()), size)
	}
	t.SentWrites += uint64(len(places))
	output, err := c.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: asked})
	if err != nil {
		return err
	}
	if len(output.UnprocessedItems) > 0 {
		return fmt.Errorf("of %d items, %d were left unprocessed", len(places), len(output.UnprocessedItems))
	}
	t.add(written)
	return nil
}

func keyOfItem(at place) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{idName: &types.AttributeValueMemberS{Value: at.item}}
}

func newItem(at place, value []byte) map[string]types.AttributeValue {
	item := keyOfItem(at)
	item[dataName] = &types.AttributeValueMemberB{Value: value}
	item[countName] = &types.AttributeValueMemberN{Value: fmt.Sprint(len(value))}
	return item
}

// itemSize is the size of one of the items above: its names, and the bytes of
// its values. Nothing else comes back.
func itemSize(item map[string]types.AttributeValue) int {
	size := 0
	for name, value := range item {
		size += len(name)
		switch value := value.(type) {
		case *types.AttributeValueMemberS:
			size += len(value.Value)
		case *types.AttributeValueMemberN:
			size += len(value.Value)
		case *types.AttributeValueMemberB:
			size += len(value.Value)
		}
	}
	return size
}
