package dynamofront_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/nodetest"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

type attributes = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// start gives a client of a node that has the table "users" with the key "id".
func start(t *testing.T) (client *dynamodb.Client, addr string, stop func() traffic.ByLabel) {
	t.Helper()
	addrs, stop := nodetest.Start(t)
	client = dynamodb.NewFromConfig(nodetest.AWSConfig(t, addrs.DynamoDB))
	if err := create(client, "users", types.ScalarAttributeTypeS); err != nil {
		t.Fatal(err)
	}
	return client, addrs.DynamoDB, stop
}

func create(client *dynamodb.Client, table string, keyType types.ScalarAttributeType) error {
	_, err := client.CreateTable(context.Background(), &dynamodb.CreateTableInput{
		TableName:            &table,
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: keyType}},
		BillingMode:          types.BillingModePayPerRequest,
	})
	return err
}

func TestEachItemOfARealClientCountsOnce(t *testing.T) {
	client, _, stop := start(t)
	ctx, table := context.Background(), aws.String("users")
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	get := func(id string) attributes {
		t.Helper()
		output, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: table, Key: attributes{"id": text(id)}, ConsistentRead: aws.Bool(true)})
		must(output, err)
		return output.Item
	}
	alice := attributes{"id": text("alice"), "age": &types.AttributeValueMemberN{Value: "42"}, "photo": &types.AttributeValueMemberB{Value: []byte{0, 1, 2}}}
	const aliceSize = 2 + 5 + 3 + 2 + 5 + 3

	must(client.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: alice})) // write users/alice
	if got := get("alice"); !reflect.DeepEqual(got, alice) {                         // read users/alice
		t.Errorf("alice is %v", got)
	}
	if got := get("nobody"); got != nil { // read users/nobody, 0
		t.Errorf("nobody is %v", got)
	}
	written, err := client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"users": {
		{PutRequest: &types.PutRequest{Item: attributes{"id": text("bob"), "x": &types.AttributeValueMemberBOOL{Value: true}}}}, // write users/bob, 2+3+1+1
		{PutRequest: &types.PutRequest{Item: attributes{"id": text("eve")}}},                                                    // write users/eve, 2+3
		{DeleteRequest: &types.DeleteRequest{Key: attributes{"id": text("alice")}}},                                             // write users/alice, 0
	}}})
	if err != nil || len(written.UnprocessedItems) != 0 {
		t.Errorf("BatchWriteItem: %+v, %v", written, err)
	}
	read, err := client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{"users": {
		Keys: []attributes{{"id": text("bob")}, {"id": text("alice")}, {"id": text("eve")}}, // reads: 7, 0, 5
	}}})
	if err != nil || len(read.UnprocessedKeys) != 0 || len(read.Responses["users"]) != 2 {
		t.Errorf("BatchGetItem: %+v, %v", read, err)
	}
	must(client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: table, Key: attributes{"id": text("bob")}}))  // write users/bob, 0
	must(client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: table, Key: attributes{"id": text("none")}})) // write users/none, 0
	must(client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: table}))                                // no item

	nodetest.Expect(t, stop(), keyviz.LabelDynamo, traffic.Counters{
		Reads: 5, ReadBytes: 11 + aliceSize + 12 + 9 + 7 + 11 + 9 + 5,
		Writes: 6, WriteBytes: 11 + aliceSize + 9 + 7 + 9 + 5 + 11 + 9 + 10,
	})
}

func TestABinaryKeyIsItsBytes(t *testing.T) {
	client, _, stop := start(t)
	ctx := context.Background()
	if err := create(client, "blobs", types.ScalarAttributeTypeB); err != nil {
		t.Fatal(err)
	}
	key := attributes{"id": &types.AttributeValueMemberB{Value: []byte{0, '/', 0xff}}}
	if _, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("blobs"), Item: key}); err != nil { // write 6+3, 2+3
		t.Fatal(err)
	}
	output, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("blobs"), Key: key}) // the same read
	if err != nil || !reflect.DeepEqual(output.Item, key) {
		t.Errorf("%v, %v", output, err)
	}
	nodetest.Expect(t, stop(), keyviz.LabelDynamo, traffic.Counters{Reads: 1, ReadBytes: 14, Writes: 1, WriteBytes: 14})
}

func TestRefusedOperationsHaveDynamoDBsErrorsAndCountNothing(t *testing.T) {
	client, addr, stop := start(t)
	ctx, table := context.Background(), aws.String("users")
	put := func(item attributes) error {
		_, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: item})
		return err
	}
	get := func(table string, key attributes) error {
		_, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: key})
		return err
	}
	batchWrite := func(table string, requests ...types.WriteRequest) error {
		_, err := client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table: requests}})
		return err
	}
	putRequest := func(id string) types.WriteRequest {
		return types.WriteRequest{PutRequest: &types.PutRequest{Item: attributes{"id": text(id)}}}
	}
	many := make([]types.WriteRequest, 26)
	for i := range many {
		many[i] = putRequest(fmt.Sprint(i))
	}
	_, conditional := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: attributes{"id": text("a")}, ConditionExpression: aws.String("attribute_not_exists(id)")})
	_, old := client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: table, Key: attributes{"id": text("a")}, ReturnValues: types.ReturnValueAllOld})
	_, scan := client.Scan(ctx, &dynamodb.ScanInput{TableName: table})
	for name, c := range map[string]struct {
		err  error
		code string
	}{
		"a table that isn't there":     {get("nothing", attributes{"id": text("a")}), "ResourceNotFoundException"},
		"a table that is there":        {create(client, "users", types.ScalarAttributeTypeS), "ResourceInUseException"},
		"a table with a short name":    {create(client, "no", types.ScalarAttributeTypeS), "ValidationException"},
		"a table with a number as key": {create(client, "numbers", types.ScalarAttributeTypeN), "ValidationException"},
		"no key":                       {put(attributes{"name": text("a")}), "ValidationException"},
		"a key of another type":        {put(attributes{"id": &types.AttributeValueMemberN{Value: "1"}}), "ValidationException"},
		"an empty key":                 {put(attributes{"id": text("")}), "ValidationException"},
		"a key that is too long":       {put(attributes{"id": text(strings.Repeat("x", 2049))}), "ValidationException"},
		"an item that is too long":     {put(attributes{"id": text("a"), "b": text(strings.Repeat("x", 400<<10))}), "ValidationException"},
		"a number that is none":        {put(attributes{"id": text("a"), "n": &types.AttributeValueMemberN{Value: "x"}}), "ValidationException"},
		"more than the key":            {get("users", attributes{"id": text("a"), "b": text("b")}), "ValidationException"},
		"a key twice in a batch":       {batchWrite("users", putRequest("a"), putRequest("a")), "ValidationException"},
		"too long a batch":             {batchWrite("users", many...), "ValidationException"},
		"a batch for no table":         {batchWrite("nothing", putRequest("a")), "ResourceNotFoundException"},
		"a bad item last in a batch":   {batchWrite("users", putRequest("a"), putRequest("")), "ValidationException"},
		"a condition":                  {conditional, "ValidationException"},
		"the item of before":           {old, "ValidationException"},
		"another operation":            {scan, "UnknownOperationException"},
	} {
		var refusal smithy.APIError
		if !errors.As(c.err, &refusal) || refusal.ErrorCode() != c.code {
			t.Errorf("%s: %v; want %s", name, c.err, c.code)
		}
	}
	var missing *types.ResourceNotFoundException
	if err := get("nothing", attributes{"id": text("a")}); !errors.As(err, &missing) {
		t.Errorf("a missing table: %v", err)
	}

	request, err := http.NewRequest(http.MethodPost, "http://"+addr, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Body, request.ContentLength = nodetest.Zeros(16<<20+1), -1
	request.Header.Set("X-Amz-Target", "DynamoDB_20120810.PutItem")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("too long a body: %s", response.Status)
	}
	nodetest.Expect(t, stop(), keyviz.LabelDynamo, traffic.Counters{})
}
