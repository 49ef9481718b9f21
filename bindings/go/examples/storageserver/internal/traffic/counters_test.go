package traffic

import (
	"bytes"
	"reflect"
	"testing"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

func TestDiffNamesEveryCounterThatDiffers(t *testing.T) {
	same := Counters{Reads: 1, Writes: 2, ReadBytes: 3, WriteBytes: 4}
	want := ByLabel{keyviz.LabelRedis: same, keyviz.LabelS3: {Reads: 5}}
	got := ByLabel{keyviz.LabelRedis: same, keyviz.LabelS3: {Reads: 6}, keyviz.LabelSQS: {WriteBytes: 7}}
	diffs := Diff(want, got)
	if expected := []string{
		`label "s3", reads: expected 5, the columns say 6`,
		`label "sqs", write bytes: expected 0, the columns say 7`,
	}; !reflect.DeepEqual(diffs, expected) {
		t.Errorf("differences %q, want %q", diffs, expected)
	}
	if diffs := Diff(want, want); diffs != nil {
		t.Errorf("differences from itself: %q", diffs)
	}
}

func TestTheTableHasARowPerLabelAndOneForAll(t *testing.T) {
	columns := []keyviz.MatrixColumn{
		{Rows: []keyviz.MatrixRow{{RouteID: 1, Label: keyviz.LabelRedis, SubBucketCount: 1, Reads: 1, ReadBytes: 10}}},
		{Rows: []keyviz.MatrixRow{
			{RouteID: 1, SubBucketCount: 1, Writes: 4, WriteBytes: 40},
			{RouteID: 1, Label: keyviz.LabelRedis, SubBucket: 1, SubBucketCount: 2, Reads: 2, ReadBytes: 20},
		}},
	}
	var table bytes.Buffer
	if err := WriteTable(&table, SumRows(columns)); err != nil {
		t.Fatal(err)
	}
	const want = `   row               reads   writes   read bytes   write bytes   total
   route:1               0        4            0            40       4
   route:1 / redis       3        0           30             0       3
   all                   3        4           30            40       7
`
	if table.String() != want {
		t.Errorf("the table is\n%swant\n%s", &table, want)
	}
}
