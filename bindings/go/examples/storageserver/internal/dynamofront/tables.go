package dynamofront

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/awsjson"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/store"
)

// maxKeyBytes is the longest partition key.
const maxKeyBytes = 2048

var tableName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`)

// table is what is known of a table. It is stored under the key that an item
// with an empty partition key would have; there is no such item.
type table struct {
	Name    string
	Key     string // name of the partition key
	KeyType string // S or B
	Created int64  // Unix seconds
}

func storeKey(tableName, partitionKey string) []byte {
	return []byte(tableName + "/" + partitionKey)
}

// find returns a table that exists.
func (d *dispatcher) find(name string) (*table, error) {
	data, ok := d.store.Get(storeKey(name, ""))
	if !ok {
		return nil, &awsjson.Error{Code: "ResourceNotFoundException", Message: "Requested resource not found: Table: " + name + " not found"}
	}
	t := new(table)
	return t, json.Unmarshal(data, t)
}

// keyOf returns where the item with these attributes is stored.
func (t *table) keyOf(attributes item) ([]byte, error) {
	value, ok := attributes[t.Key]
	if !ok {
		return nil, invalid("One or more parameter values were invalid: Missing the key %s in the item", t.Key)
	}
	if _, err := value.size(0); err != nil {
		return nil, err
	}
	var key string
	switch {
	case t.KeyType == "S" && value.S != nil:
		key = *value.S
	case t.KeyType == "B" && value.B != nil:
		key = string(*value.B)
	default:
		return nil, invalid("One or more parameter values were invalid: Type mismatch for key %s expected: %s", t.Key, t.KeyType)
	}
	if key == "" {
		return nil, invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty value. Key: %s", t.Key)
	}
	if len(key) > maxKeyBytes {
		return nil, invalid("One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of %d bytes", maxKeyBytes)
	}
	return storeKey(t.Name, key), nil
}

// onlyKeyOf is keyOf for attributes that must be the key and no more.
func (t *table) onlyKeyOf(attributes item) ([]byte, error) {
	if len(attributes) != 1 {
		return nil, invalid("The provided key element does not match the schema")
	}
	return t.keyOf(attributes)
}

type keyElement struct{ AttributeName, KeyType string }

type attributeDefinition struct{ AttributeName, AttributeType string }

type createTable struct {
	TableName            string
	KeySchema            []keyElement
	AttributeDefinitions []attributeDefinition

	// What it costs is of no importance here.
	BillingMode           string
	ProvisionedThroughput any
}

func (d *dispatcher) createTable(_ *http.Request, in *createTable) (any, error) {
	if !tableName.MatchString(in.TableName) {
		return nil, invalid("TableName must be 3 to 255 characters of a-z, A-Z, 0-9, _, - and .")
	}
	if len(in.KeySchema) != 1 || len(in.AttributeDefinitions) != 1 || in.KeySchema[0].KeyType != "HASH" ||
		in.KeySchema[0].AttributeName != in.AttributeDefinitions[0].AttributeName {
		return nil, invalid("this server's tables have a partition key (HASH) and no other key; AttributeDefinitions must define it and nothing else")
	}
	definition := in.AttributeDefinitions[0]
	if definition.AttributeName == "" {
		return nil, invalid("the partition key must have a name")
	}
	if definition.AttributeType != "S" && definition.AttributeType != "B" {
		return nil, invalid("this server's partition keys are of type S or B, not %q", definition.AttributeType)
	}
	t := &table{Name: in.TableName, Key: definition.AttributeName, KeyType: definition.AttributeType, Created: time.Now().Unix()}
	data, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	if !d.store.Add(store.Pair{Key: storeKey(t.Name, ""), Value: data}) {
		return nil, &awsjson.Error{Code: "ResourceInUseException", Message: fmt.Sprintf("Table already exists: %s", t.Name)}
	}
	return map[string]any{"TableDescription": t.describe()}, nil
}

type describeTable struct{ TableName string }

func (d *dispatcher) describeTable(_ *http.Request, in *describeTable) (any, error) {
	t, err := d.find(in.TableName)
	if err != nil {
		return nil, err
	}
	return map[string]any{"Table": t.describe()}, nil
}

func (t *table) describe() map[string]any {
	return map[string]any{
		"TableName":            t.Name,
		"TableStatus":          "ACTIVE",
		"CreationDateTime":     t.Created,
		"KeySchema":            []keyElement{{t.Key, "HASH"}},
		"AttributeDefinitions": []attributeDefinition{{t.Key, t.KeyType}},
	}
}
