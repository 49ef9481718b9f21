package dynamofront

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/awsjson"
)

const (
	// maxItemBytes is the longest item, by its size.
	maxItemBytes = 400 << 10
	// maxDepth is how deep lists and maps nest.
	maxDepth = 32
)

// attributeValue is a value in DynamoDB's JSON: exactly one member is there.
type attributeValue struct {
	S    *string                    `json:",omitempty"`
	N    *string                    `json:",omitempty"`
	B    *[]byte                    `json:",omitempty"`
	BOOL *bool                      `json:",omitempty"`
	NULL *bool                      `json:",omitempty"`
	SS   *[]string                  `json:",omitempty"`
	NS   *[]string                  `json:",omitempty"`
	BS   *[][]byte                  `json:",omitempty"`
	L    *[]attributeValue          `json:",omitempty"`
	M    *map[string]attributeValue `json:",omitempty"`
}

type item map[string]attributeValue

var number = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// size is the item's size in bytes by DynamoDB's rule, but for numbers: those
// count the length of their text. Names and values of all attributes are added
// up; a string counts its bytes in UTF-8, a binary its bytes, a boolean or null
// 1, a set its elements, a list or map 3, and 1 and the element for each one.
// An error says what is wrong with the item.
func (i item) size() (int, error) {
	total := 0
	for name, value := range i {
		if name == "" {
			return 0, invalid("an attribute has an empty name")
		}
		n, err := value.size(0)
		if err != nil {
			return 0, err
		}
		total += len(name) + n
	}
	return total, nil
}

func (v attributeValue) size(depth int) (total int, err error) {
	if depth > maxDepth {
		return 0, invalid("lists and maps nest more than %d levels deep", maxDepth)
	}
	members := 0
	add := func(n int, wrong error) {
		members++
		total += n
		err = cmp.Or(err, wrong)
	}
	if v.S != nil {
		add(len(*v.S), nil)
	}
	if v.N != nil {
		add(numberSize(*v.N))
	}
	if v.B != nil {
		add(len(*v.B), nil)
	}
	if v.BOOL != nil {
		add(1, nil)
	}
	if v.NULL != nil {
		add(1, nil)
	}
	if v.SS != nil {
		add(setSize(*v.SS, func(s string) (int, error) { return len(s), nil }))
	}
	if v.NS != nil {
		add(setSize(*v.NS, numberSize))
	}
	if v.BS != nil {
		add(setSize(*v.BS, func(b []byte) (int, error) { return len(b), nil }))
	}
	if v.L != nil {
		add(3, nil)
		for _, element := range *v.L {
			n, wrong := element.size(depth + 1)
			total += 1 + n
			err = cmp.Or(err, wrong)
		}
	}
	if v.M != nil {
		add(3, nil)
		for name, element := range *v.M {
			n, wrong := element.size(depth + 1)
			total += 1 + len(name) + n
			err = cmp.Or(err, wrong)
		}
	}
	if err == nil && members != 1 {
		err = invalid("Supplied AttributeValue must contain exactly one of the supported datatypes")
	}
	return total, err
}

func numberSize(text string) (int, error) {
	if !number.MatchString(text) {
		return 0, invalid("The parameter cannot be converted to a numeric value: %q", text)
	}
	return len(text), nil
}

func setSize[T any](set []T, size func(T) (int, error)) (total int, err error) {
	if len(set) == 0 {
		return 0, invalid("a set may not be empty")
	}
	for _, element := range set {
		n, wrong := size(element)
		total += n
		err = cmp.Or(err, wrong)
	}
	return total, err
}

// encode is the item as it is stored, and its size.
func (i item) encode() (data []byte, size int, err error) {
	if size, err = i.size(); err != nil {
		return nil, 0, err
	}
	if size > maxItemBytes {
		return nil, 0, invalid("Item size has exceeded the maximum allowed size")
	}
	data, err = json.Marshal(i)
	return data, size, err
}

// decode reads what encode made.
func decode(data []byte) (i item, size int, err error) {
	if err := json.Unmarshal(data, &i); err != nil {
		return nil, 0, err
	}
	size, err = i.size()
	return i, size, err
}

func invalid(format string, arguments ...any) error {
	return &awsjson.Error{Code: "ValidationException", Message: fmt.Sprintf(format, arguments...)}
}
