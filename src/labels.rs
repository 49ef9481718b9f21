// The one list of labels. A line is `Variant = number, "wire form";` and nothing else has to change to add one:
// `label.rs` makes the Rust enum of it, `build.rs` the constants of the C header.
// (Included with `include!`, so this file holds a macro call only.)
labels! {
    Legacy = 0, "";
    Dynamo = 1, "dynamo";
    Redis = 2, "redis";
    S3 = 3, "s3";
    Sqs = 4, "sqs";
    RawKv = 5, "rawkv";
}
